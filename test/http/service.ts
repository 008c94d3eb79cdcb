import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A service that tests talk to. */
export interface TestService {
  readonly base: string;
  /** Ends the process, if it is of our own, and removes its data; once more does nothing. */
  stop(): Promise<void>;
}

const BIN = new URL("../../packages/cli/bin/millrace.js", import.meta.url).pathname;

/**
 * The service at `MILLRACE_TEST_URL`, or else one in a process and a data directory of its own, with the given flags
 * (without them the one at the URL will do).
 */
export async function startTestService(flags: readonly string[] = []): Promise<TestService> {
  const given = process.env.MILLRACE_TEST_URL;
  if (given !== undefined && flags.length === 0) return { base: given, stop: async () => {} };
  const dir = mkdtempSync(join(tmpdir(), "millrace-http-"));
  const args = [
    BIN,
    "serve",
    "--port",
    "0",
    "--data-dir",
    dir,
    "--log-level",
    "error",
    "--shutdown-grace",
    "0",
    ...flags,
  ];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  return {
    base: await listening(child),
    async stop() {
      child.kill("SIGTERM");
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Resolves with the URL that the service prints. Its output is read on, so that it never waits for a reader. */
function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const read = (chunk: Buffer) => {
      text += chunk;
      const url = /listens on (http:\S+)/.exec(text)?.[1];
      if (url !== undefined) resolve(url);
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("exit", (code) => reject(new Error(`The service did not start (exit ${code}): ${text}`)));
  });
}
