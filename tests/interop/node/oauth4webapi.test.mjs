// @ts-check
// oauth4webapi, the strict one: it takes nothing that its standards do not say.

import assert from "node:assert/strict";
import { suite, test } from "node:test";

import {
  ClientSecretBasic,
  DPoP,
  PrivateKeyJwt,
  WWWAuthenticateChallengeError,
  clientCredentialsGrantRequest,
  discoveryRequest,
  generateKeyPair,
  modifyAssertion,
  processClientCredentialsResponse,
  processDiscoveryResponse,
  protectedResourceRequest,
} from "oauth4webapi";

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
  webKey,
} from "./lab.mjs";

/**
 * @typedef {import("oauth4webapi").AuthorizationServer} Server
 * @typedef {import("oauth4webapi").ClientAuth} ClientAuth
 */

/** @param {{ of?: typeof lab, tenant?: string, version?: string, algorithm?: "oidc" | "oauth2" }} [options] */
async function discovered({ of = lab, tenant, version = "/v2.0", algorithm = "oidc" } = {}) {
  const issuer = new URL(`${of.BASE_URL}/${tenant ?? of.TENANT}${version}`);
  return processDiscoveryResponse(issuer, await discoveryRequest(issuer, { algorithm }));
}

/**
 * @param {import("./lab.mjs").Credential} signer
 * @param {import("oauth4webapi").ModifyAssertionFunction} [change]
 */
async function signed(signer, change) {
  const key = await webKey(signer, "RSA-PSS");
  return PrivateKeyJwt(key, change && { [modifyAssertion]: change });
}

/**
 * @param {Server} server
 * @param {ClientAuth} authentication
 */
async function token(server, authentication, of = lab) {
  const client = { client_id: of.CLIENT_ID };
  const answer = await clientCredentialsGrantRequest(server, client, authentication, { scope: of.SCOPE });
  return (await processClientCredentialsResponse(server, client, answer)).access_token;
}

/**
 * @param {Server} server
 * @param {ClientAuth} authentication
 */
async function refused(server, authentication, of = lab) {
  const error = await failure(token(server, authentication, of));
  assert.equal(error.name, "ResponseBodyError");
  return { status: error.status, error: error.error, code: error.cause.error_codes[0] };
}

suite("oauth4webapi", () => {
  for (const algorithm of /** @type {const} */ (["oidc", "oauth2"])) {
    test(`discovery as in ${algorithm} leads to a token`, async () => {
      const server = await discovered({ algorithm });
      assert.equal(server.issuer, `${lab.BASE_URL}/${lab.TENANT}/v2.0`);
      assert.ok(server.token_endpoint_auth_methods_supported?.includes("private_key_jwt"));
      await check(await token(server, await signed(own)));
    });
  }

  test("the assertion is for the issuer and names no key", async () => {
    const authentication = await signed(own);
    const server = await discovered();
    const { header, claims } = await sent(() => token(server, authentication));
    assert.deepEqual(header, { alg: "PS256" });
    assert.equal(claims.aud, server.issuer);
  });

  test("the key may be named by the thumbprint of its certificate", async () => {
    const digest = Buffer.from(thumbprint(own, "fingerprint256"), "hex").toString("base64url");
    const authentication = await signed(own, (header) => {
      header["x5t#S256"] = digest;
    });
    await check(await token(await discovered(), authentication));
  });

  test("the audience may be a list, as older releases send it", async () => {
    const server = await discovered();
    const authentication = await signed(own, (_header, claims) => {
      claims.aud = [server.issuer, String(server.token_endpoint)];
    });
    await check(await token(server, authentication));
  });

  test("a secret in percent-encoding is understood", async () => {
    assert.ok(await token(await discovered(), ClientSecretBasic(lab.CLIENT_SECRET)));
  });

  for (const audience of ["https://elsewhere.example", `${lab.BASE_URL}/${lab.TENANT2}/v2.0`]) {
    test(`an assertion for somebody else is refused: ${new URL(audience).hostname}`, async () => {
      const authentication = await signed(own, (_header, claims) => {
        claims.aud = audience;
      });
      const found = await refused(await discovered(), authentication);
      assert.deepEqual(found, { status: 401, error: "invalid_client", code: 700023 });
    });
  }

  test("an assertion past its time is refused", async () => {
    const authentication = await signed(own, (_header, claims) => {
      claims.exp = Number(claims.exp) - 3600;
    });
    const found = await refused(await discovered(), authentication);
    assert.deepEqual(found, { status: 401, error: "invalid_client", code: 700024 });
  });

  test("a key that is not registered is refused", async () => {
    const server = await discovered();
    for (const signer of [stranger, impostor, others]) {
      assert.deepEqual(await refused(server, await signed(signer)), REFUSED.key);
    }
  });

  test("another tenant does not know the application", async () => {
    const server = await discovered({ tenant: lab.TENANT2 });
    assert.deepEqual(await refused(server, await signed(own)), REFUSED.application);
  });

  test("a credential past its end is refused", async () => {
    const server = await discovered({ of: expired });
    assert.deepEqual(await refused(server, await signed(credential(expired)), expired), REFUSED.key);
  });

  test("no token is issued for a disabled Exchange", async () => {
    const server = await discovered({ of: disabled });
    assert.deepEqual(await refused(server, await signed(credential(disabled)), disabled), REFUSED.resource);
  });

  test("a disabled application gets no token", async () => {
    const server = await discovered({ of: appDisabled });
    const found = await refused(server, await signed(credential(appDisabled)), appDisabled);
    assert.deepEqual(found, REFUSED.disabled);
  });
});

suite("oauth4webapi, with DPoP", () => {
  const client = { client_id: lab.CLIENT_ID };
  const list = new URL(`${lab.GRAPH_URL}/servicePrincipals`);

  /** @param {string} scope */
  async function bound(scope) {
    const server = await discovered();
    const handle = DPoP(client, await generateKeyPair("ES256"));
    const answer = await clientCredentialsGrantRequest(server, client, await signed(own), { scope }, { DPoP: handle });
    const { access_token: token, token_type } = await processClientCredentialsResponse(server, client, answer);
    assert.equal(token_type, "dpop");
    return { handle, token };
  }

  /** @param {Promise<unknown>} work */
  async function challenged(work) {
    const error = await failure(work);
    assert.ok(error instanceof WWWAuthenticateChallengeError, String(error));
    assert.equal(error.status, 401);
    return error.cause.map(({ scheme, parameters }) => [scheme, parameters.error, parameters.algs]);
  }

  test("a token is bound, and opens Graph again and again", async () => {
    const { handle, token } = await bound(`${lab.BASE_URL}/.default`);
    assert.equal(JSON.parse(atob(String(token.split(".")[1]))).cnf.jkt, await handle.calculateThumbprint());
    for (let times = 0; times < 2; times += 1) {
      const answer = await protectedResourceRequest(token, "GET", list, undefined, undefined, { DPoP: handle });
      const { value } = await answer.json();
      assert.ok(value.some((/** @type {{ appId: string }} */ { appId }) => appId === lab.CLIENT_ID));
    }
  });

  test("a token is bound, and opens EWS", async () => {
    const { handle, token } = await bound(lab.SCOPE);
    const headers = new Headers({ "content-type": "text/xml; charset=utf-8" });
    const body = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
      xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"
      xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header><t:ExchangeImpersonation>
      <t:ConnectingSID><t:PrimarySmtpAddress>${lab.MAILBOX}</t:PrimarySmtpAddress></t:ConnectingSID>
      </t:ExchangeImpersonation></s:Header><s:Body><m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape>
      </m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder></s:Body>
      </s:Envelope>`;
    const ews = new URL(lab.EWS_URL);
    const answer = await protectedResourceRequest(token, "POST", ews, headers, body, { DPoP: handle });
    assert.match(await answer.text(), /ResponseClass="Success"/);
  });

  test("with another key, or as Bearer, it opens nothing", async () => {
    const algorithms = "ES256 PS256 RS256";
    const { token } = await bound(`${lab.BASE_URL}/.default`);
    const other = DPoP(client, await generateKeyPair("ES256"));
    const wrong = protectedResourceRequest(token, "GET", list, undefined, undefined, { DPoP: other });
    assert.deepEqual(await challenged(wrong), [["dpop", "invalid_token", algorithms]]);
    const plain = await challenged(protectedResourceRequest(token, "GET", list));
    assert.deepEqual(plain.at(-1), ["dpop", undefined, algorithms]);
    assert.equal(plain[0]?.[0], "bearer");
  });
});
