import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@millrace/client";
import { executionSchema } from "@millrace/protocol";

const ROOT = join(import.meta.dirname, "..", "..");

/** The command, as a user starts it. */
export const MILLRACE = join(ROOT, "packages", "cli", "bin", "millrace.js");

/** The service in a process of its own, over a data directory that outlives it. */
export class ServiceProcess {
  readonly dataDir: string;
  readonly #flags: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #within: readonly string[];
  #child: ChildProcess | null = null;
  #port = 0;
  url = "";
  stderr = "";

  /** `within` is a command that runs the one behind it, as `ip netns exec NAME`. */
  constructor(
    flags: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
    within: readonly string[] = [],
  ) {
    this.dataDir = mkdtempSync(join(tmpdir(), "millrace-service-"));
    this.#flags = flags;
    this.#env = env;
    this.#within = within;
  }

  /** Starts a service, and waits until it listens. */
  static async start(
    flags: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
    within: readonly string[] = [],
  ): Promise<ServiceProcess> {
    const service = new ServiceProcess(flags, env, within);
    await service.start();
    return service;
  }

  get client(): Client {
    return createClient({ baseUrl: this.url });
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it, again on the port that it had; `more` flags are for this start alone. */
  async start(more: readonly string[] = []): Promise<void> {
    const [command = process.execPath, ...before] = [...this.#within, process.execPath];
    const child = spawn(
      command,
      [
        ...before,
        MILLRACE,
        "serve",
        "--port",
        String(this.#port),
        "--data-dir",
        this.dataDir,
        "--log-level",
        "warn",
        ...this.#flags,
        ...more,
      ],
      {
        cwd: ROOT,
        env: { ...process.env, ...this.#env },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    this.#child = child;
    child.stderr?.on("data", (chunk) => {
      this.stderr += chunk;
    });
    this.url = await new Promise<string>((resolve, reject) => {
      let text = "";
      child.stdout?.on("data", (chunk) => {
        text += chunk;
        const url = /^Millrace listens on (\S+)$/m.exec(text)?.[1];
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

  /** Resolves when the process ends by itself. */
  async ended(): Promise<void> {
    if (this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null)
      await once(this.#child, "exit");
  }

  /** Stores a pipeline and starts it; returns the execution's id. */
  async run(yaml: string, payload: Record<string, unknown> = {}, query = ""): Promise<string> {
    const config = await this.client.configs.create({ config_yaml: yaml, name: "test" });
    const response = await fetch(`${this.url}/api/v1/configs/${config.id}/run${query}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(payload),
    });
    const body = await response.json();
    if (response.status !== 201) throw new Error(JSON.stringify(body));
    return executionSchema.parse(body).id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
