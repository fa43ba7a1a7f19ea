// @ts-check
// The Graph SDK for JavaScript reads the directory, and renews the application's own key.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { suite, test } from "node:test";

import { ClientCertificateCredential } from "@azure/identity";
import { Client } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";
import { SignJWT } from "jose";

import { appDisabled, credential, disabled, expired, failure, lab, others, own, thumbprint, webKey } from "./lab.mjs";

const DIRECTORY = "00000002-0000-0000-c000-000000000000";
const EXCHANGE = "00000002-0000-0ff1-ce00-000000000000";

/**
 * @typedef {import("./lab.mjs").Credential} Credential
 * @typedef {{ keyId?: string, key?: string | null, type?: string, usage?: string, displayName?: string }} KeyCredential
 */

/**
 * @param {Credential} signer
 * @param {{ of?: typeof lab, tenant?: string, clientId?: string, customHosts?: Set<string> }} [options]
 */
function graph(signer, { of = lab, tenant, clientId, customHosts } = {}) {
  const identity = new ClientCertificateCredential(
    tenant ?? of.TENANT,
    clientId ?? of.CLIENT_ID,
    { certificate: signer.key + signer.certificate },
    { authorityHost: of.BASE_URL, disableInstanceDiscovery: true },
  );
  return Client.initWithMiddleware({
    authProvider: new TokenCredentialAuthenticationProvider(identity, { scopes: [`${of.BASE_URL}/.default`] }),
    baseUrl: `${of.BASE_URL}/`,
    customHosts: customHosts ?? new Set([new URL(of.BASE_URL).hostname]),
  });
}

const ownPath = `/servicePrincipals(appId='${lab.CLIENT_ID}')`;

/**
 * @param {Client} client
 * @returns {Promise<{ id: string, keyCredentials: KeyCredential[] }>}
 */
function read(client) {
  return client.api(ownPath).select("id,keyCredentials").get();
}

/** @param {Promise<unknown>} work */
async function refused(work) {
  const error = await failure(work);
  assert.ok(error.requestId, "the answer names the request");
  return { status: error.statusCode, code: error.code };
}

/** @param {Credential} of */
function der({ certificate }) {
  return new X509Certificate(certificate).raw.toString("base64");
}

suite("microsoft-graph-client", () => {
  test("the organization is the tenant", async () => {
    const { value } = await graph(own).api("/organization").get();
    assert.deepEqual(
      value.map((/** @type {{ id: string }} */ { id }) => id),
      [lab.TENANT],
    );
  });

  test("the own principal is listed", async () => {
    const { value } = await graph(own).api("/servicePrincipals").get();
    const [found] = value.filter((/** @type {{ appId: string }} */ { appId }) => appId === lab.CLIENT_ID);
    assert.equal(found.accountEnabled, true);
    assert.ok(found.keyCredentials.every((/** @type {KeyCredential} */ { key }) => key === null));
  });

  test("a list is filtered and cut to what is selected", async () => {
    const list = (/** @type {string} */ appId) =>
      graph(own).api("/servicePrincipals").filter(`appId eq '${appId}'`).select(["id", "appId"]).top(5).get();
    const { value } = await list(lab.CLIENT_ID);
    assert.deepEqual(Object.keys(value[0]).sort(), ["appId", "id"]);
    assert.deepEqual((await list(lab.CLIENT2_ID)).value, []);
  });

  test("a key is added, used and taken away", async () => {
    // That of another lab: a whole certificate, which this lab does not know.
    const fresh = credential(expired);
    const before = await read(graph(own));
    assert.deepEqual(
      before.keyCredentials.map(({ key }) => key),
      [der(own)],
    );
    await assert.rejects(read(graph(fresh)), /AADSTS700027/);

    const added = { type: "AsymmetricX509Cert", usage: "Verify", key: der(fresh), displayName: "interop" };
    const path = `/servicePrincipals/${before.id}`;
    await graph(own)
      .api(path)
      .patch({ keyCredentials: [...before.keyCredentials, added] });

    // It is the new key that signs in to take itself away.
    const client = graph(fresh);
    const during = await read(client);
    assert.deepEqual(
      during.keyCredentials.map(({ key }) => key),
      [der(own), der(fresh)],
    );
    assert.equal(during.keyCredentials[0]?.keyId, before.keyCredentials[0]?.keyId);
    assert.equal(during.keyCredentials[1]?.displayName, "interop");
    await client.api(path).patch({ keyCredentials: before.keyCredentials });

    assert.deepEqual(await read(graph(own)), before);
    await assert.rejects(read(graph(fresh)), /AADSTS700027/);
  });

  /**
   * What shows that a key of the object is held, as the documentation of addKey has it.
   *
   * @param {Credential} signer
   * @param {string} id
   */
  async function proof(signer, id) {
    const now = Math.floor(Date.now() / 1000);
    const x5t = Buffer.from(thumbprint(signer, "fingerprint"), "hex").toString("base64url");
    return new SignJWT({ aud: DIRECTORY, iss: id, nbf: now, exp: now + 600 })
      .setProtectedHeader({ alg: "RS256", typ: "JWT", x5t })
      .sign(await webKey(signer, "RSASSA-PKCS1-v1_5"));
  }

  test("a key is added and removed by proof", async () => {
    const fresh = credential(disabled);
    const { id, keyCredentials: before } = await read(graph(own));
    const keyCredential = { type: "AsymmetricX509Cert", usage: "Verify", key: der(fresh) };
    const add = (/** @type {string} */ shown) =>
      graph(own).api(`/servicePrincipals/${id}/addKey`).post({ keyCredential, passwordCredential: null, proof: shown });
    const unproven = { status: 401, code: "Authentication_MissingOrMalformed" };
    assert.deepEqual(await refused(add(await proof(fresh, id))), unproven);
    assert.deepEqual(await refused(add(await proof(own, crypto.randomUUID()))), unproven);

    const { keyId } = await add(await proof(own, id));
    // The new key signs in, and proves itself.
    const client = graph(fresh);
    const during = await read(client);
    assert.deepEqual(
      during.keyCredentials.map(({ key }) => key),
      [der(own), der(fresh)],
    );
    await client.api(`/servicePrincipals/${id}/removeKey`).post({ keyId, proof: await proof(fresh, id) });
    assert.deepEqual((await read(graph(own))).keyCredentials, before);
    await assert.rejects(read(graph(fresh)), /AADSTS700027/);
  });

  test("what is no certificate is no key", async () => {
    const { id, keyCredentials } = await read(graph(own));
    const nothing = { type: "AsymmetricX509Cert", usage: "Verify", key: "bm90aGluZw==" };
    const work = graph(own)
      .api(`/servicePrincipals/${id}`)
      .patch({ keyCredentials: [...keyCredentials, nothing] });
    assert.deepEqual(await refused(work), { status: 400, code: "Request_BadRequest" });
  });

  test("more than the keys takes another permission", async () => {
    const work = graph(own).api(ownPath).patch({ displayName: "renamed" });
    assert.deepEqual(await refused(work), { status: 403, code: "Authorization_RequestDenied" });
  });

  test("the principal of a service is not the application's", async () => {
    const work = graph(own).api(`/servicePrincipals(appId='${EXCHANGE}')`).patch({ keyCredentials: [] });
    assert.deepEqual(await refused(work), { status: 403, code: "Authorization_RequestDenied" });
  });

  test("another tenant sees nothing of the application", async () => {
    const client = graph(others, { tenant: lab.TENANT2, clientId: lab.CLIENT2_ID });
    assert.deepEqual(await refused(read(client)), { status: 404, code: "Request_ResourceNotFound" });
  });

  test("without a token nothing is told", async () => {
    // The SDK sends its token to hosts of this list alone.
    const work = read(graph(own, { customHosts: new Set(["elsewhere.example"]) }));
    assert.deepEqual(await refused(work), { status: 401, code: "InvalidAuthenticationToken" });
  });

  test("who is not known does not get here", async () => {
    await assert.rejects(read(graph(others)), /AADSTS700027/);
    await assert.rejects(read(graph(own, { tenant: lab.TENANT2 })), /AADSTS700016/);
    await assert.rejects(read(graph(credential(expired), { of: expired })), /AADSTS700027/);
    await assert.rejects(read(graph(credential(appDisabled), { of: appDisabled })), /AADSTS7000112/);
  });

  test("a disabled Exchange does not close the directory", async () => {
    const { value } = await graph(credential(disabled), { of: disabled }).api("/organization").get();
    assert.equal(value[0].id, disabled.TENANT);
  });
});
