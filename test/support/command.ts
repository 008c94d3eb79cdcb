import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MILLRACE } from "./millrace-process.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** How a command ended; one that a signal ended has 128 and the signal's number, as a shell says it. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What surrounds a command. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What stands on its standard input; default nothing. */
  readonly input?: string;
  readonly cwd?: string;
  /** The runtime that starts it; default this one. */
  readonly node?: string;
}

/** Runs `millrace` as a user does, with its output in pipes. */
export async function millrace(args: readonly string[], surroundings: Surroundings = {}): Promise<Ended> {
  const command = new RunningCommand(args, surroundings);
  return command.ended;
}

/** `millrace` while it runs. */
export class RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";

  constructor(args: readonly string[], surroundings: Surroundings = {}) {
    this.child = spawn(surroundings.node ?? process.execPath, [MILLRACE, ...args], {
      cwd: surroundings.cwd ?? ROOT,
      env: environment(surroundings.env),
      stdio: "pipe",
    });
    this.child.stdout?.on("data", (chunk) => {
      this.stdout += chunk;
    });
    this.child.stderr?.on("data", (chunk) => {
      this.stderr += chunk;
    });
    // It may end before it has read all of it.
    this.child.stdin?.on("error", () => undefined).end(surroundings.input ?? "");
    this.ended = once(this.child, "close").then(([code, signal]) => ({
      code: code ?? SIGNALS[String(signal)] ?? -1,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Resolves when the command's output has the text; rejects if it ends before. */
  async shows(text: string): Promise<void> {
    while (!this.stdout.includes(text) && !this.stderr.includes(text)) {
      if (this.child.exitCode !== null || this.child.signalCode !== null)
        throw new Error(`The command ended before "${text}": ${this.stdout}${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

/** A key that is pressed once a text has been shown, or a new size that the terminal gets. */
export interface Key {
  readonly after: string;
  readonly send?: string;
  readonly resize?: readonly [rows: number, columns: number];
  /** Seconds from the text to the key, for keys that a person cannot press at once. */
  readonly pause?: number;
}

/**
 * Runs a line of bash in which `millrace` is the command, with `pipefail`; every part of a pipe in the line counts.
 */
export async function inShell(line: string, surroundings: Omit<Surroundings, "input" | "node"> = {}): Promise<Ended> {
  const child = spawn(
    "bash",
    ["-c", `set -o pipefail; millrace() { "${process.execPath}" "${MILLRACE}" "$@"; }; ${line}`],
    {
      cwd: surroundings.cwd ?? ROOT,
      env: environment(surroundings.env),
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  return collect(child);
}

/** Runs `millrace` in a pseudo terminal; what it shows there is `stdout`, escape sequences and all. */
export async function inTerminal(args: readonly string[], options: TerminalOptions = {}): Promise<Ended> {
  return commandInTerminal([options.node ?? process.execPath, MILLRACE, ...args], options);
}

/** What surrounds a command in a terminal. */
export interface TerminalOptions extends Omit<Surroundings, "input"> {
  readonly keys?: readonly Key[];
  readonly rows?: number;
  readonly columns?: number;
}

/** Runs any command in a pseudo terminal. */
export async function commandInTerminal(command: readonly string[], options: TerminalOptions = {}): Promise<Ended> {
  const spec = { command, rows: options.rows ?? 24, columns: options.columns ?? 80, keys: options.keys ?? [] };
  const child = spawn("python3", [join(import.meta.dirname, "terminal.py"), JSON.stringify(spec)], {
    cwd: options.cwd ?? ROOT,
    env: environment({ TERM: "xterm-256color", ...options.env }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  return collect(child);
}

async function collect(child: ChildProcess): Promise<Ended> {
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  const [code, signal] = await once(child, "close");
  return { code: code ?? SIGNALS[String(signal)] ?? -1, stdout, stderr };
}

/** A folder that goes with the test. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "millrace-cli-"));

  /** Writes a file; returns its path. */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  /** A path in it. */
  at(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Every line as an object of JSON. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const SIGNALS: Readonly<Record<string, number>> = { SIGINT: 130, SIGKILL: 137, SIGTERM: 143 };

/** This process's environment without what would change how a command behaves or looks. */
export function environment(more: Surroundings["env"] = {}): NodeJS.ProcessEnv {
  const plain = Object.entries(process.env).filter(
    ([name]) => !/^(?:MILLRACE_|NODE_|FORCE_COLOR$|NO_COLOR$|TERM$|COLORTERM$|CI$)/.test(name),
  );
  return { ...Object.fromEntries(plain), ...more };
}
