import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");

/** The command, as a user starts it. */
export const MILLRACE = join(ROOT, "packages", "cli", "bin", "millrace.js");

/** What the command says on its first line, once it is there. */
const READY = /^Millrace (?:listens|works, and tells of its health) on (\S+)$/m;

/** `millrace serve` or `millrace work` as a process of its own. */
export class MillraceProcess {
  readonly #args: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #within: readonly string[];
  #child: ChildProcess | null = null;
  #port = 0;
  url = "";
  stdout = "";
  stderr = "";
  /** What is started next: this version, or another one. */
  program: string = MILLRACE;

  /** `args` begin with the command; `within` is one that runs the one behind it, as `ip netns exec NAME`. */
  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}, within: readonly string[] = []) {
    this.#args = args;
    this.#env = env;
    this.#within = within;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts it and waits until it says where it listens: again on the port that it had. `more` is for this start alone. */
  async start(more: readonly string[] = []): Promise<void> {
    const [command = process.execPath, ...before] = [...this.#within, process.execPath];
    const [name = "serve", ...flags] = this.#args;
    const child = spawn(command, [...before, this.program, name, "--port", String(this.#port), ...flags, ...more], {
      cwd: ROOT,
      env: { ...process.env, ...this.#env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    child.stderr?.on("data", (chunk) => {
      this.stderr += chunk;
    });
    this.url = await new Promise<string>((resolve, reject) => {
      let text = "";
      child.stdout?.on("data", (chunk) => {
        text += chunk;
        this.stdout += chunk;
        const url = READY.exec(text)?.[1];
        if (url !== undefined) resolve(url);
      });
      child.once("exit", (code, signal) =>
        reject(new Error(`The service ended with ${code ?? signal}: ${this.stderr}`)),
      );
    });
    this.#port = Number(new URL(this.url).port);
  }

  /** Ends it with a signal, and waits until it is gone; returns its exit code, or the signal. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | NodeJS.Signals | null> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const gone = once(child, "exit");
    child.kill(signal);
    const [code, by] = await gone;
    return code ?? by;
  }

  /** Takes the processor away from it, or gives it back. */
  freeze(frozen: boolean): void {
    this.#child?.kill(frozen ? "SIGSTOP" : "SIGCONT");
  }

  /** Resolves when the process ends by itself. */
  async ended(): Promise<void> {
    if (this.#child !== null && this.running) await once(this.#child, "exit");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }
}
