import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createClient } from "@millrace/client";
import { ServiceProcess } from "../support/service-process.ts";
import { ROOT } from "./pages.ts";

let service: ServiceProcess;
before(async () => {
  service = await ServiceProcess.start(["--configs-dir", "examples"]);
});
after(() => service[Symbol.asyncDispose]());

test("the client's page has a row for each of its parts, with every call of it", () => {
  const page = readFileSync(join(ROOT, "packages/client/README.md"), "utf8");
  for (const [part, calls] of Object.entries(createClient({ baseUrl: service.url }))) {
    const row = page.split("\n").find((line) => line.startsWith(`| \`${part}\` |`)) ?? "";
    const named = [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    assert.deepEqual(named.sort(), [part, ...Object.keys(calls)].sort());
  }
});

const programs: readonly (readonly [file: string, says: RegExp])[] = [
  ["watch.ts", /^greet .*\n(keep .*\n){3}completed\n$/],
  ["client/progress.ts", /^completed: 0 queued, 0 running, 4 done, 0 failed\ncompleted\n$/m],
  ["client/resume.ts", /^greet: done\n(keep: done\n){3}$/],
  ["client/batches.ts", /^greet: 1 done, 0 failed, at most [\d.]+ ms\nkeep: 3 done, 0 failed, at most [\d.]+ ms\n$/],
  ["client/errors.ts", /^404: .*no-such-run.*\n$/],
];

for (const [file, says] of programs) {
  test(`the program ${file} that the client's page shows does what it says`, async () => {
    const child = spawn(process.execPath, [join(ROOT, "examples", file)], {
      env: { ...process.env, MILLRACE_URL: service.url },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let stdout = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    await once(child, "close");
    assert.match(stdout, says);
  });
}
