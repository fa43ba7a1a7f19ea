// @ts-check
// jose verifies the lab's tokens by the keys that the lab publishes.

import assert from "node:assert/strict";
import { before, suite, test } from "node:test";

import { SignJWT, createRemoteJWKSet, decodeJwt, decodeProtectedHeader, errors, jwtVerify } from "jose";

import { discovery, impostor, lab, webKey } from "./lab.mjs";

suite("jose", () => {
  let token = "";
  let expected = { issuer: "", audience: lab.RESOURCE, algorithms: ["RS256"] };
  /** @type {ReturnType<typeof createRemoteJWKSet>} */
  let keys;

  before(async () => {
    const form = new URLSearchParams({
      grant_type: "client_credentials",
      client_id: lab.CLIENT_ID,
      client_secret: lab.CLIENT_SECRET,
      scope: lab.SCOPE,
    });
    const answer = await fetch(lab.TOKEN_URL, { method: "POST", body: form });
    token = /** @type {any} */ (await answer.json()).access_token;
    const { issuer, jwks_uri } = await discovery(lab);
    expected = { ...expected, issuer };
    keys = createRemoteJWKSet(new URL(jwks_uri));
  });

  /** @param {string} kid */
  async function forged(kid) {
    const key = await webKey(impostor, "RSASSA-PKCS1-v1_5");
    return new SignJWT(decodeJwt(token)).setProtectedHeader({ alg: "RS256", typ: "JWT", kid }).sign(key);
  }

  test("a token is believed", async () => {
    const { payload } = await jwtVerify(token, keys, expected);
    assert.equal(payload.appid, lab.CLIENT_ID);
  });

  test("the keys of the second version's document are the same", async () => {
    const { jwks_uri } = await discovery(lab, "/v2.0");
    await jwtVerify(token, createRemoteJWKSet(new URL(jwks_uri)), expected);
  });

  test("more than one key is published", async () => {
    await keys.reload();
    const kids = keys.jwks()?.keys.map(({ kid }) => kid) ?? [];
    assert.ok(kids.length >= 2);
    assert.equal(new Set(kids).size, kids.length);
  });

  test("a token of another hand is not believed", async () => {
    const { kid } = decodeProtectedHeader(token);
    await assert.rejects(jwtVerify(await forged(String(kid)), keys, expected), errors.JWSSignatureVerificationFailed);
  });

  test("a key that is not published is not found", async () => {
    await assert.rejects(jwtVerify(await forged("stranger"), keys, expected), errors.JWKSNoMatchingKey);
  });

  test("a token for another service is not believed", async () => {
    const other = { ...expected, audience: "https://elsewhere.example" };
    await assert.rejects(jwtVerify(token, keys, other), { code: "ERR_JWT_CLAIM_VALIDATION_FAILED", claim: "aud" });
  });

  test("a token is not of another tenant", async () => {
    const other = { ...expected, issuer: expected.issuer.replace(lab.TENANT, lab.TENANT2) };
    await assert.rejects(jwtVerify(token, keys, other), { code: "ERR_JWT_CLAIM_VALIDATION_FAILED", claim: "iss" });
  });

  test("a token ends", async () => {
    const later = { ...expected, currentDate: new Date(Date.now() + 24 * 3600 * 1000) };
    await assert.rejects(jwtVerify(token, keys, later), errors.JWTExpired);
  });
});
