#!/usr/bin/env node
// Plain JavaScript that any Node can run: it finds a runtime that can run the rest.
import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import module from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NEEDED = 24;

/** The runtime that is installed beside this package; undefined where there is none. */
function pinnedRuntime() {
  for (let folder = dirname(realpathSync(fileURLToPath(import.meta.url))); ; folder = dirname(folder)) {
    const runtime = join(folder, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
    if (existsSync(runtime)) return runtime;
    if (dirname(folder) === folder) return undefined;
  }
}

if (Number(process.versions.node.split(".")[0]) >= NEEDED) {
  if (process.env.MILLRACE_RUNTIME !== undefined && process.channel) {
    // Started by the branch below: when that process is killed, this one must not live on without it.
    process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
    process.channel.unref();
  }
  delete process.env.MILLRACE_RUNTIME;
  // Half of the start would go into compiling: the compiled code is kept in the system's temporary folder.
  module.enableCompileCache();
  const { main } = await import("../src/main.ts");
  await main();
} else {
  const runtime = pinnedRuntime();
  if (runtime === undefined || process.env.MILLRACE_RUNTIME === runtime) {
    console.error(
      `Millrace needs Node ${NEEDED} or newer; this is ${process.version}. Run npm ci, which brings one along.`,
    );
    process.exit(1);
  }
  const child = spawn(runtime, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...process.env, MILLRACE_RUNTIME: runtime },
  });
  // A terminal's Ctrl-C has reached the child by itself, a signal from anywhere else has not. Nothing tells them apart
  // for certain, so all are passed on: the commands take two that come together for one.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`Millrace cannot start ${runtime}: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    // With the listener from above it would not end this process, which would then exit with 0.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
