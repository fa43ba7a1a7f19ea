// @ts-check
// @azure/identity signs in with a certificate.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";

import { ClientCertificateCredential } from "@azure/identity";

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
  stranger,
} from "./lab.mjs";

/**
 * @param {import("./lab.mjs").Credential} signer
 * @param {{ of?: typeof lab, tenant?: string, scope?: string, sendCertificateChain?: boolean }} [options]
 */
async function token(signer, { of = lab, tenant, scope, sendCertificateChain = false } = {}) {
  const certificate = { certificate: signer.key + signer.certificate };
  const identity = new ClientCertificateCredential(tenant ?? of.TENANT, of.CLIENT_ID, certificate, {
    authorityHost: of.BASE_URL,
    disableInstanceDiscovery: true,
    sendCertificateChain,
  });
  return (await identity.getToken(scope ?? of.SCOPE)).token;
}

/**
 * The library tells the error and its code in its message alone, and the status nowhere.
 *
 * @param {Promise<string>} work
 * @param {import("./lab.mjs").Refusal} expected
 */
async function checkRefused(work, { error, code }) {
  const { name, message } = await failure(work);
  assert.equal(name, "AuthenticationRequiredError");
  assert.ok(message.startsWith(`${error}: `), message);
  assert.ok(message.includes(`AADSTS${code}: `), message);
}

suite("@azure/identity", () => {
  test("a certificate gets a token", async () => {
    await check(await token(own));
  });

  test("a certificate is read from a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "actas-identity-"));
    try {
      const certificatePath = join(folder, "own.pem");
      writeFileSync(certificatePath, own.key + own.certificate, { mode: 0o600 });
      const identity = new ClientCertificateCredential(
        lab.TENANT,
        lab.CLIENT_ID,
        { certificatePath },
        { authorityHost: lab.BASE_URL, disableInstanceDiscovery: true },
      );
      await check((await identity.getToken(lab.SCOPE)).token);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("the certificate may be sent along", async () => {
    await check(await token(own, { sendCertificateChain: true }));
  });

  test("the tenant may be named by its domain", async () => {
    await check(await token(own, { tenant: lab.TENANT_DOMAIN }));
  });

  test("a key that is not registered is refused", async () => {
    await checkRefused(token(stranger), REFUSED.key);
  });

  test("a wrong key under the name of the right one is refused", async () => {
    await checkRefused(token(impostor), REFUSED.key);
  });

  test("the key of another application is refused", async () => {
    await checkRefused(token(others), REFUSED.key);
  });

  test("another tenant does not know the application", async () => {
    await checkRefused(token(own, { tenant: lab.TENANT2 }), REFUSED.application);
  });

  test("a credential past its end is refused", async () => {
    await checkRefused(token(credential(expired), { of: expired }), REFUSED.key);
  });

  test("no token is issued for a disabled Exchange", async () => {
    await checkRefused(token(credential(disabled), { of: disabled }), REFUSED.resource);
    assert.ok(await token(credential(disabled), { of: disabled, scope: `${disabled.BASE_URL}/.default` }));
  });

  test("a disabled application gets no token", async () => {
    await checkRefused(token(credential(appDisabled), { of: appDisabled }), REFUSED.disabled);
  });
});
