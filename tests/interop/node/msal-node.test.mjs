// @ts-check
// MSAL for Node gets tokens from the lab, as it would from the real cloud.

import assert from "node:assert/strict";
import { suite, test } from "node:test";

import { ConfidentialClientApplication, ProtocolMode } from "@azure/msal-node";

import {
  REFUSED,
  appDisabled,
  check,
  credential,
  disabled,
  expired,
  failure,
  impostor,
  lab,
  others,
  own,
  sent,
  stranger,
  thumbprint,
} from "./lab.mjs";

/**
 * @typedef {import("./lab.mjs").Credential} Credential
 * @typedef {(credential: Credential) => { privateKey: string, thumbprint?: string, thumbprintSha256?: string }} Form
 */

/** @type {{ name: string, algorithm: string, hint: string, form: Form }[]} */
const FORMS = [
  {
    name: "SHA-1",
    algorithm: "RS256",
    hint: "x5t",
    form: (credential) => ({ privateKey: credential.key, thumbprint: thumbprint(credential, "fingerprint") }),
  },
  {
    name: "SHA-256",
    algorithm: "PS256",
    hint: "x5t#S256",
    form: (credential) => ({ privateKey: credential.key, thumbprintSha256: thumbprint(credential, "fingerprint256") }),
  },
];

/**
 * @param {import("@azure/msal-node").NodeAuthOptions["clientCertificate"]} clientCertificate
 * @param {{ of?: typeof lab, authority?: string, protocolMode?: ProtocolMode, known?: string[] }} [options]
 */
function client(clientCertificate, { of = lab, authority, protocolMode, known } = {}) {
  return new ConfidentialClientApplication({
    auth: {
      clientId: of.CLIENT_ID,
      clientCertificate,
      authority: authority ?? `${of.BASE_URL}/${of.TENANT}`,
      knownAuthorities: known ?? [new URL(of.BASE_URL).host],
    },
    system: protocolMode ? { protocolMode } : {},
  });
}

/** @param {ConfidentialClientApplication} application */
async function token(application, of = lab) {
  const answer = await application.acquireTokenByClientCredential({ scopes: [of.SCOPE] });
  return answer?.accessToken;
}

/** @param {ConfidentialClientApplication} application */
async function refused(application, of = lab) {
  const error = await failure(token(application, of));
  const code = Number(error.errorNo);
  assert.ok(error.errorMessage.includes(`AADSTS${code}: `), "the caller sees why");
  return { status: error.status, error: error.errorCode, code };
}

for (const { name, algorithm, hint, form } of FORMS) {
  suite(`msal-node, with a thumbprint of ${name}`, () => {
    test("a certificate gets a token", async () => {
      await check(await token(client(form(own))));
    });

    test("the certificate may be sent along", async () => {
      await check(await token(client({ ...form(own), x5c: own.certificate })));
    });

    test("the assertion has the form that is meant", async () => {
      const { header, claims } = await sent(() => token(client(form(own))));
      assert.equal(header.alg, algorithm);
      assert.ok(hint in header);
      assert.equal(claims.aud, lab.TOKEN_URL);
    });

    test("the tenant may be named by its domain", async () => {
      const authority = `${lab.BASE_URL}/${lab.TENANT_DOMAIN}/`;
      await check(await token(client(form(own), { authority })));
      const { claims } = await sent(() => token(client(form(own), { authority })));
      assert.equal(claims.aud, `${authority}oauth2/v2.0/token`);
    });

    for (const version of ["", "/v2.0"]) {
      test(`an authority of the OIDC protocol gets a token${version && " of version 2.0"}`, async () => {
        const options = { authority: `${lab.BASE_URL}/${lab.TENANT}${version}`, protocolMode: ProtocolMode.OIDC };
        await check(await token(client(form(own), options)));
      });
    }

    test("a second token comes out of the cache", async () => {
      const application = client(form(own));
      const first = await token(application);
      const again = await application.acquireTokenByClientCredential({ scopes: [lab.SCOPE] });
      assert.equal(again?.accessToken, first);
      assert.equal(again?.fromCache, true);
    });

    test("a key that is not registered is refused", async () => {
      assert.deepEqual(await refused(client(form(stranger))), REFUSED.key);
    });

    test("a wrong key under the name of the right one is refused", async () => {
      assert.deepEqual(await refused(client(form(impostor))), REFUSED.key);
    });

    test("the key of another application is refused", async () => {
      assert.deepEqual(await refused(client(form(others))), REFUSED.key);
    });

    test("another tenant does not know the application", async () => {
      const authority = `${lab.BASE_URL}/${lab.TENANT2}`;
      assert.deepEqual(await refused(client(form(own), { authority })), REFUSED.application);
    });

    test("a credential past its end is refused", async () => {
      const application = client(form(credential(expired)), { of: expired });
      assert.deepEqual(await refused(application, expired), REFUSED.key);
    });

    test("no token is issued for a disabled Exchange", async () => {
      const application = client(form(credential(disabled)), { of: disabled });
      assert.deepEqual(await refused(application, disabled), REFUSED.resource);
    });

    test("a disabled application gets no token", async () => {
      const application = client(form(credential(appDisabled)), { of: appDisabled });
      assert.deepEqual(await refused(application, appDisabled), REFUSED.disabled);
    });
  });
}

test("msal-node finds the request again in a refusal", async () => {
  const correlationId = crypto.randomUUID();
  const application = client(FORMS[0]?.form(stranger));
  const error = await failure(application.acquireTokenByClientCredential({ scopes: [lab.SCOPE], correlationId }));
  assert.ok(error.errorMessage.includes(`Correlation ID: ${correlationId}`), error.errorMessage);
});
