import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ServiceProcess } from "../support/service-process.ts";
import { blocks, pages, ROOT } from "./pages.ts";

/** CI runs these themselves, on a clean clone. */
const RUN_BY_CI = /^(?:npm |npx millrace run examples\/readmes\.yaml|npx node bench\/)/;

const folder = mkdtempSync(join(tmpdir(), "millrace-docs-"));
let service: ServiceProcess;

before(async () => {
  cpSync(join(ROOT, "examples"), join(folder, "examples"), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  service = await ServiceProcess.start(["--configs-dir", "examples"]);
  // Where a reader who has started the service as the pages say finds its data.
  symlinkSync(service.dataDir, join(folder, "data"));
});

after(async () => {
  await service[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Its examples are held to the commands' options by a test of the command line; some of them never end. */
const REFERENCE = "docs/cli.md";

for (const { path, text } of pages()) {
  if (path === REFERENCE) continue;
  const script = blocks(text, "sh")
    .flatMap(({ code }) => code.split("\n"))
    .filter((line) => !RUN_BY_CI.test(line))
    .join("\n");
  if (!/^[^#\s]/m.test(script)) continue;
  test(`the commands on ${path} do what they say`, async () => {
    const child = spawn("bash", ["-euo", "pipefail", "-c", script.replaceAll("http://127.0.0.1:8000", service.url)], {
      cwd: folder,
      env: { ...process.env, MILLRACE_URL: service.url },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const [code] = await once(child, "close");
    assert.equal(code, 0, stderr);
  });
}
