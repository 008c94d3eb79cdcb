import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { withoutSharedStack } from "./shared-stack.ts";

/** What is tried through the port: none of it knows of what a service is made of, but where it says so. */
const FILES = [
  "test/contract/**/*.test.ts",
  "test/http/**/*.test.ts",
  "test/stream/{abuse,choice,connections,limits,progress-view,restarts,slow-readers}.test.ts",
  "test/storage/*.test.ts",
  "test/failures/*.test.ts",
  "test/keeping/{recovery,ending}.test.ts",
  "test/clients/{client-library,client-table,proxies,real-clients,resume}.test.ts",
  "test/search/*.test.ts",
  "test/secrets/canaries.test.ts",
];

const reason = await withoutSharedStack();
if (reason !== false) {
  console.log(`Skipped, all of it: ${reason}. With TEST_REQUIRE_POSTGRES=1 and TEST_REQUIRE_NATS=1 it fails.`);
} else {
  const flags = ["--test", "--test-concurrency=4", "--test-timeout=600000", "--test-reporter=spec"];
  const { status } = spawnSync(process.execPath, [...flags, ...FILES], {
    cwd: join(import.meta.dirname, "..", ".."),
    env: { ...process.env, TEST_STACK: "nodes" },
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
}
