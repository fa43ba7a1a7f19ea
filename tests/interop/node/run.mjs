// @ts-check
// Starts the labs, then runs every suite with Node's own runner. The variable ACTAS_BIN
// names the binary. Node reads its authorities once, at its start: so the suites are
// processes of their own, started when the labs' authorities are known.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** @typedef {import("./lab.mjs").Lab} Lab */

const READY_SECONDS = 120;
const END_SECONDS = 15;
const SUITE_SECONDS = 300;

const here = import.meta.dirname;
const folder = mkdtempSync(join(tmpdir(), "actas-interop-"));
/** @type {import("node:child_process").ChildProcess[]} */
const running = [];

/**
 * Starts a lab with one of the doctor's faults, or with none.
 *
 * @param {string} name
 * @param {string} [fault]
 * @returns {Promise<Lab>}
 */
async function start(name, fault) {
  const readyFile = join(folder, `${name}.json`);
  const logFile = join(folder, `${name}.log`);
  const words = ["--data", join(folder, name), "lab", "--listen", "127.0.0.1:0", "--ready-file", readyFile];
  const log = openSync(logFile, "w");
  const lab = spawn(process.env.ACTAS_BIN ?? "", fault ? [...words, "--fault", fault] : words, {
    stdio: ["ignore", log, log],
  });
  running.push(lab);
  lab.on("error", () => {});
  const deadline = Date.now() + READY_SECONDS * 1000;
  // The file is moved into place, so it is whole.
  while (!existsSync(readyFile)) {
    if (lab.pid === undefined || lab.exitCode !== null || Date.now() > deadline) {
      throw new Error(`the lab \`${name}\` does not start:\n${readFileSync(logFile, "utf8")}`);
    }
    await sleep(50);
  }
  return JSON.parse(readFileSync(readyFile, "utf8"));
}

async function run() {
  if (!existsSync(process.env.ACTAS_BIN ?? "")) {
    throw new Error(
      `ACTAS_BIN names no binary (${process.env.ACTAS_BIN}); run \`cargo xtask test --only interop\`, ` +
        "or build `actas` and set ACTAS_BIN to its path",
    );
  }
  const [lab, expired, disabled, appDisabled] = await Promise.all([
    start("lab"),
    start("expired", "cred-expired"),
    start("disabled", "sp-disabled"),
    start("app-disabled", "app-disabled"),
  ]);
  const labs = join(folder, "labs.json");
  writeFileSync(labs, JSON.stringify({ lab, expired, disabled, appDisabled }));
  const authorities = join(folder, "authorities.pem");
  const all = [lab, expired, disabled, appDisabled];
  writeFileSync(authorities, all.map(({ CA_PEM }) => readFileSync(CA_PEM, "utf8")).join("\n"));

  const suites = readdirSync(here).filter((name) => name.endsWith(".test.mjs"));
  const words = ["--test", "--test-reporter=spec", `--test-timeout=${SUITE_SECONDS * 1000}`, ...suites];
  // Nobody stands between the clients and the lab.
  const plain = Object.entries(process.env).filter(([name]) => !/^(https?|all)_proxy$/i.test(name));
  const env = { ...Object.fromEntries(plain), ACTAS_LABS: labs, NODE_EXTRA_CA_CERTS: authorities };
  const runner = spawn(process.execPath, words, { cwd: here, env, stdio: "inherit" });
  running.push(runner);
  const [code] = await once(runner, "exit");
  return code ?? 1;
}

async function end() {
  for (const process of running.filter(({ pid, exitCode }) => pid !== undefined && exitCode === null)) {
    const ended = once(process, "exit").then(() => true);
    process.kill("SIGTERM");
    if (!(await Promise.race([ended, sleep(END_SECONDS * 1000, false, { ref: false })]))) {
      process.kill("SIGKILL");
    }
  }
  rmSync(folder, { recursive: true, force: true });
}

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.once(signal, () => void end().then(() => process.exit(1)));
}
try {
  process.exitCode = await run();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await end();
}
