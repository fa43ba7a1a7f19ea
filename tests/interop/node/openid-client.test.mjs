// @ts-check
// openid-client: discovery in both of its forms, and `private_key_jwt` for the issuer.

import assert from "node:assert/strict";
import { suite, test } from "node:test";

import { ClientSecretPost, PrivateKeyJwt, clientCredentialsGrant, discovery } from "openid-client";

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
  webKey,
} from "./lab.mjs";

/** @typedef {import("./lab.mjs").Credential} Credential */

/**
 * @param {Credential} signer
 * @param {{ of?: typeof lab, tenant?: string, version?: string, algorithm?: "oidc" | "oauth2",
 *   name?: "RSASSA-PKCS1-v1_5" | "RSA-PSS" }} [options]
 */
async function configuration(
  signer,
  { of = lab, tenant, version = "/v2.0", algorithm = "oidc", name = "RSASSA-PKCS1-v1_5" } = {},
) {
  const authentication = PrivateKeyJwt(await webKey(signer, name));
  const issuer = new URL(`${of.BASE_URL}/${tenant ?? of.TENANT}${version}`);
  return discovery(issuer, of.CLIENT_ID, undefined, authentication, { algorithm });
}

/** @param {import("openid-client").Configuration} config */
async function token(config, of = lab) {
  const answer = await clientCredentialsGrant(config, { scope: of.SCOPE });
  assert.equal(answer.token_type, "bearer");
  assert.ok(Number(answer.expires_in) > 0);
  return answer.access_token;
}

/** @param {import("openid-client").Configuration} config */
async function refused(config, of = lab) {
  const error = await failure(token(config, of));
  return { status: error.status, error: error.error, code: error.cause.error_codes[0] };
}

suite("openid-client", () => {
  for (const algorithm of /** @type {const} */ (["oidc", "oauth2"])) {
    test(`discovery as in ${algorithm} leads to a token`, async () => {
      const config = await configuration(own, { algorithm });
      assert.equal(config.serverMetadata().issuer, `${lab.BASE_URL}/${lab.TENANT}/v2.0`);
      await check(await token(config));
    });
  }

  for (const name of /** @type {const} */ (["RSASSA-PKCS1-v1_5", "RSA-PSS"])) {
    test(`an assertion for the issuer that names no key gets a token, with ${name}`, async () => {
      const config = await configuration(own, { name });
      await check(await token(config));
      const { header, claims } = await sent(() => token(config));
      assert.deepEqual(header, { alg: name === "RSA-PSS" ? "PS256" : "RS256" });
      assert.equal(claims.aud, `${lab.BASE_URL}/${lab.TENANT}/v2.0`);
    });
  }

  test("the first version is discovered and answers too", async () => {
    const config = await configuration(own, { version: "/" });
    assert.equal(config.serverMetadata().issuer, `${lab.BASE_URL}/${lab.TENANT}/`);
    await check(await token(config));
  });

  test("an issuer under another name is not believed", async () => {
    const error = await failure(configuration(own, { tenant: lab.TENANT_DOMAIN }));
    assert.equal(error.code, "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED");
  });

  test("an unknown tenant is not discovered", async () => {
    const error = await failure(configuration(own, { tenant: crypto.randomUUID() }));
    assert.equal(error.code, "OAUTH_RESPONSE_IS_NOT_CONFORM");
  });

  test("a wrong secret is refused", async () => {
    const issuer = new URL(`${lab.BASE_URL}/${lab.TENANT}/v2.0`);
    const config = await discovery(issuer, lab.CLIENT_ID, undefined, ClientSecretPost(`${lab.CLIENT_SECRET}~`));
    assert.deepEqual(await refused(config), { status: 401, error: "invalid_client", code: 7000215 });
  });

  test("a key that is not registered is refused", async () => {
    for (const signer of [stranger, impostor, others]) {
      assert.deepEqual(await refused(await configuration(signer)), REFUSED.key);
    }
  });

  test("another tenant does not know the application", async () => {
    const config = await configuration(own, { tenant: lab.TENANT2 });
    assert.deepEqual(await refused(config), REFUSED.application);
  });

  test("a credential past its end is refused", async () => {
    const config = await configuration(credential(expired), { of: expired });
    assert.deepEqual(await refused(config, expired), REFUSED.key);
  });

  test("no token is issued for a disabled Exchange", async () => {
    const config = await configuration(credential(disabled), { of: disabled });
    assert.deepEqual(await refused(config, disabled), REFUSED.resource);
  });

  test("a disabled application gets no token", async () => {
    const config = await configuration(credential(appDisabled), { of: appDisabled });
    assert.deepEqual(await refused(config, appDisabled), REFUSED.disabled);
  });
});
