import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { Folder, millrace } from "../support/command.ts";

/** Waits in the system for whoever writes to a pipe, which nobody does: a thread there cannot be ended. */
const STUCK = `
import { readFileSync } from "node:fs";
import { defineAdapter, z } from "millrace";
export default defineAdapter({
  type: "stuck",
  description: "Does not come back.",
  config: z.strictObject({ pipe: z.string() }),
  process: (_, { config }) => { readFileSync(config.pipe); },
});
`;

test("a run ends although a thread of an adapter cannot be ended", { timeout: 120_000 }, async () => {
  using folder = new Folder();
  assert.equal(spawnSync("mkfifo", [folder.at("pipe")]).status, 0);
  writeFileSync(folder.at("stuck.ts"), STUCK);
  writeFileSync(
    folder.at("pipeline.yaml"),
    `
version: "1.0"
isolation: thread
error_handling: { timeout_seconds: 10, max_retries: 0, on_error: continue }
routes: { a: { adapters: [{ type: stuck, config: { pipe: ${folder.at("pipe")} } }] } }
init_message: { route: a }
`,
  );
  const { stdout } = await millrace([
    "run",
    folder.at("pipeline.yaml"),
    ...["--adapters-dir", folder.path, "--data-dir", folder.at("data")],
  ]);
  assert.match(stdout, /^completed: 0 messages done, 1 failed/m);
});
