// @ts-check
// The labs that run.mjs started, and what their tokens and refusals must say.

import assert from "node:assert/strict";
import { X509Certificate, createPrivateKey, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";

import { createRemoteJWKSet, jwtVerify } from "jose";

/**
 * The ready file. Names that end in `_PEM` are paths.
 *
 * @typedef {Record<"BASE_URL" | "TENANT" | "TENANT_DOMAIN" | "CLIENT_ID" | "CLIENT_SECRET" | "KEY_PEM" | "CERT_PEM"
 *   | "CA_PEM" | "SCOPE" | "RESOURCE" | "TOKEN_URL" | "GRAPH_URL" | "EWS_URL" | "MAILBOX" | "TENANT2" | "CLIENT2_ID" | "KEY2_PEM"
 *   | "CERT2_PEM", string>} Lab
 */

/**
 * A private key with the certificate of its public half, both as PEM.
 *
 * @typedef {{ key: string, certificate: string }} Credential
 */

/**
 * A refusal in its parts: the HTTP status, the error and its code.
 *
 * @typedef {{ status?: number, error: string, code: number }} Refusal
 */

/** @type {{ lab: Lab, expired: Lab, disabled: Lab, appDisabled: Lab }} */
const labs = JSON.parse(readFileSync(process.env.ACTAS_LABS ?? "labs.json", "utf8"));

/** The lab as it is meant to be. */
export const lab = labs.lab;
/** One whose application has a credential past its end. */
export const expired = labs.expired;
/** One whose Exchange has a disabled service principal. */
export const disabled = labs.disabled;
/** One whose application has a disabled service principal. */
export const appDisabled = labs.appDisabled;

/**
 * @param {Lab} of
 * @returns {Credential}
 */
export function credential(of) {
  return { key: readFileSync(of.KEY_PEM, "utf8"), certificate: readFileSync(of.CERT_PEM, "utf8") };
}

/** The credential of the lab's application. */
export const own = credential(lab);
/** One that the lab knows, of another application. */
export const others = {
  key: readFileSync(lab.KEY2_PEM, "utf8"),
  certificate: readFileSync(lab.CERT2_PEM, "utf8"),
};
/** One that the lab does not know: that of another lab. */
export const stranger = credential(disabled);
/** A key that nobody knows, with the certificate of the right one. */
export const impostor = {
  key: generateKeyPairSync("rsa", { modulusLength: 2048 })
    .privateKey.export({ type: "pkcs8", format: "pem" })
    .toString(),
  certificate: own.certificate,
};

/** @satisfies {Record<string, Refusal>} */
export const REFUSED = {
  key: { status: 401, error: "invalid_client", code: 700027 },
  application: { status: 400, error: "unauthorized_client", code: 700016 },
  disabled: { status: 400, error: "unauthorized_client", code: 7000112 },
  resource: { status: 400, error: "invalid_resource", code: 500011 },
};

/**
 * The thumbprint of a certificate, in hexadecimal digits.
 *
 * @param {Credential} of
 * @param {"fingerprint" | "fingerprint256"} digest
 */
export function thumbprint({ certificate }, digest) {
  return new X509Certificate(certificate)[digest].replaceAll(":", "");
}

/**
 * The key for WebCrypto.
 *
 * @param {Credential} of
 * @param {"RSASSA-PKCS1-v1_5" | "RSA-PSS"} name
 */
export function webKey({ key }, name) {
  const der = createPrivateKey(key).export({ type: "pkcs8", format: "der" });
  return crypto.subtle.importKey("pkcs8", der, { name, hash: "SHA-256" }, false, ["sign"]);
}

/**
 * A discovery document.
 *
 * @param {Lab} of
 * @param {"" | "/v2.0"} version
 * @returns {Promise<{ issuer: string, jwks_uri: string, token_endpoint: string }>}
 */
export async function discovery(of, version = "") {
  const answer = await fetch(`${of.BASE_URL}/${of.TENANT}${version}/.well-known/openid-configuration`);
  return /** @type {any} */ (await answer.json());
}

/**
 * Checks a token of the lab's application for its Exchange.
 *
 * @param {string | undefined} token
 */
export async function check(token) {
  assert.ok(token);
  const { issuer, jwks_uri } = await discovery(lab);
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(jwks_uri)), {
    issuer,
    audience: lab.RESOURCE,
    requiredClaims: ["exp", "iat", "nbf", "sub"],
  });
  assert.equal(payload.appid, lab.CLIENT_ID);
  assert.equal(payload.appidacr, "2");
  assert.equal(payload.tid, lab.TENANT);
  assert.equal(payload.oid, payload.sub);
  assert.ok(/** @type {string[]} */ (payload.roles).includes("full_access_as_app"));
  assert.ok(!("scp" in payload), "it would make it a user's token");
}

/**
 * Awaits a failure and returns what it was.
 *
 * @param {Promise<unknown>} work
 * @returns {Promise<any>}
 */
export async function failure(work) {
  const outcome = await work.then(
    () => undefined,
    (error) => error,
  );
  assert.ok(outcome instanceof Error, "it was not refused");
  return outcome;
}

/**
 * Does `work` and returns the client assertion that it sent with `fetch`, in its parts.
 *
 * @param {() => Promise<unknown>} work
 */
export async function sent(work) {
  const real = globalThis.fetch;
  /** @type {URLSearchParams[]} */
  const forms = [];
  /** @type {typeof fetch} */
  const watched = (place, options) => {
    if (options?.method === "POST") {
      forms.push(new URLSearchParams(String(options.body)));
    }
    return real(place, options);
  };
  globalThis.fetch = watched;
  try {
    await work();
  } finally {
    globalThis.fetch = real;
  }
  assert.equal(forms.length, 1);
  const parts = (forms[0]?.get("client_assertion") ?? "").split(".");
  const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(Buffer.from(part, "base64url").toString()));
  return { header, claims };
}
