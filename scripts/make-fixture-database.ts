/**
 * Makes the fixture of a schema: a database as a Millrace of that schema leaves it when it is killed, with executions that
 * are over and one that runs. Run it with the released version, once: `node scripts/make-fixture-database.ts
 * path/to/bin/millrace.js`. It writes `test/fixtures/databases/NNNN.db.gz`, which never changes after that.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gzipSync } from "node:zlib";

const [bin = join(import.meta.dirname, "../packages/cli/bin/millrace.js")] = process.argv.slice(2);

const QUICK = `
version: "1.0"
name: quick
error_handling: { max_retries: 0, on_error: continue }
routes:
  make: { adapters: [{ type: generate, config: { count: 5 } }], outbound: [work] }
  work: { adapters: [{ type: fail, config: { when: "index = 3" } }] }
init_message: { route: make, payload: { text: "grüße" } }
`;

const SLOW = `
version: "1.0"
name: slow
error_handling: { max_retries: 3, retry_delay_seconds: 0.2 }
routes:
  make: { adapters: [{ type: generate, config: { count: 40 } }], outbound: [work] }
  work:
    inbound: { concurrency: 2 }
    adapters: [{ type: delay, config: { seconds: 0.05 } }, { type: fail, config: { when: "index % 10 = 7", attempts: 1 } }]
init_message: { route: make }
`;

const folder = mkdtempSync(join(tmpdir(), "millrace-fixture-"));
const service = spawn(process.execPath, [bin, "serve", "--port", "0", "--data-dir", folder, "--log-level", "warn"], {
  stdio: ["ignore", "pipe", "inherit"],
});
try {
  const [line] = await once(service.stdout, "data");
  const url = `${/http:\S+/.exec(String(line))?.[0]}/api/v1`;
  const call = async (method: string, path: string, body: unknown) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
    const answer: unknown = await response.json();
    return typeof answer === "object" && answer !== null && "id" in answer ? String(answer.id) : "";
  };
  const quick = await call("POST", "/configs", { config_yaml: QUICK });
  const slow = await call("POST", "/configs", { config_yaml: SLOW });
  await call("POST", `/configs/${quick}/run?tag=over&idempotency_key=first`, { text: "änderung" });
  await call("POST", "/executions/over/wait", {});
  await call("POST", `/configs/${slow}/run?tag=cancelled`, {});
  await call("PATCH", "/executions/cancelled", {
    status: "cancelled",
    error_info: { code: "OPERATOR", message: "enough" },
  });
  await call("POST", `/configs/${slow}/run?tag=running`, {});
  await new Promise((resolve) => setTimeout(resolve, 600));
} finally {
  service.kill("SIGKILL");
  await once(service, "close");
}
const database = new DatabaseSync(join(folder, "millrace.db"));
const schema = Number(database.prepare("PRAGMA user_version").get()?.user_version);
database.prepare("VACUUM INTO ?").run(join(folder, "fixture.db"));
database.close();
const target = join(import.meta.dirname, "../test/fixtures/databases");
mkdirSync(target, { recursive: true });
const name = `${String(schema).padStart(4, "0")}.db.gz`;
writeFileSync(join(target, name), gzipSync(readFileSync(join(folder, "fixture.db"))), { flag: "wx" });
rmSync(folder, { recursive: true });
process.stdout.write(`${join(target, name)}\n`);
