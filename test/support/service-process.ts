import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@millrace/client";
import { executionSchema } from "@millrace/protocol";
import { MillraceProcess } from "./millrace-process.ts";
import { openSharedStack, SHARED_STACK, type SharedStack } from "./shared-stack.ts";

/**
 * The service in a process of its own, over a data directory that outlives it. With `TEST_STACK=nodes` it is two: a node
 * that serves, and one that works, over a database of their own.
 */
export class ServiceProcess {
  readonly dataDir = mkdtempSync(join(tmpdir(), "millrace-service-"));
  readonly #flags: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #within: readonly string[];
  #shared: SharedStack | null = null;
  #serving: MillraceProcess | null = null;
  #working: MillraceProcess | null = null;

  /** `within` is a command that runs the one behind it, as `ip netns exec NAME`. */
  constructor(
    flags: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
    within: readonly string[] = [],
  ) {
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

  get url(): string {
    return this.#serving?.url ?? "";
  }

  /** For one that is reached at another address than it listens on. */
  set url(url: string) {
    if (this.#serving !== null) this.#serving.url = url;
  }

  /** Of the process that serves. */
  get pid(): number {
    return this.#serving?.pid ?? 0;
  }

  /** The database that its nodes share; null of one process alone. */
  get databaseUrl(): string | null {
    return this.#shared?.databaseUrl ?? null;
  }

  /** What its processes have logged, over all their lives. */
  get stderr(): string {
    return (this.#serving?.stderr ?? "") + (this.#working?.stderr ?? "");
  }

  /** What its processes have written to their standard output. */
  get stdout(): string {
    return (this.#serving?.stdout ?? "") + (this.#working?.stdout ?? "");
  }

  /** Starts it, again on the port that it had; `more` flags are for this start alone. */
  async start(more: readonly string[] = []): Promise<void> {
    const flags = ["--data-dir", this.dataDir, "--log-level", "warn", ...this.#flags];
    if (!SHARED_STACK) {
      this.#serving ??= new MillraceProcess(["serve", ...flags], this.#env, this.#within);
      await this.#serving.start(more);
      return;
    }
    this.#shared ??= await openSharedStack();
    // What a killed node had is taken over when its lease has run out: a short one, so that tests wait less for it.
    const env = { MILLRACE_LEASE_SECONDS: "4", ...this.#env, ...this.#shared.env };
    this.#working ??= new MillraceProcess(["work", ...flags.filter(ofTheEngine)], env, this.#within);
    this.#serving ??= new MillraceProcess(["serve", "--engine", "false", ...flags], env, this.#within);
    await Promise.all([this.#working.start(more.filter(ofTheEngine)), this.#serving.start(more)]);
  }

  /** Ends it with a signal, and waits until it is gone; returns its exit code, or the signal. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | NodeJS.Signals | null> {
    const [served] = await Promise.all([this.#serving?.end(signal), this.#working?.end(signal)]);
    return served ?? null;
  }

  /** Kills the node that works, and starts it again. */
  async restartWorking(): Promise<void> {
    await this.#working?.end("SIGKILL");
    await this.#working?.start();
  }

  /** Resolves when the process ends by itself. */
  async ended(): Promise<void> {
    await this.#serving?.ended();
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
    await this.#shared?.[Symbol.asyncDispose]();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** A port is the serving node's alone. */
function ofTheEngine(flag: string, index: number, flags: readonly string[]): boolean {
  return flag !== "--port" && flags[index - 1] !== "--port";
}
