// @ts-check
// A client that was not told of the lab's authority does not talk to the lab.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

import { lab } from "./lab.mjs";

const ASK = `
  import { discoveryRequest } from "oauth4webapi";
  await discoveryRequest(new URL(process.argv[1]));
`;

for (const { told, outcome } of [
  { told: true, outcome: /^$/ },
  { told: false, outcome: /SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_/ },
]) {
  test(`the authority ${told ? "is" : "is not"} known`, () => {
    const { NODE_EXTRA_CA_CERTS, ...env } = process.env;
    const words = ["--input-type=module", "--eval", ASK, "--", `${lab.BASE_URL}/${lab.TENANT}/v2.0`];
    const { status, stderr } = spawnSync(process.execPath, words, {
      cwd: import.meta.dirname,
      encoding: "utf8",
      env: told ? { ...env, NODE_EXTRA_CA_CERTS } : env,
    });
    assert.match(stderr, outcome);
    assert.equal(status === 0, told);
  });
}
