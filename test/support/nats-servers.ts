import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";

import { createConnection } from "node:net";

import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";

/** For the `skip` of a test: false where there is a nats-server to be started, else why the test is skipped. */
export function withoutNatsServer(): string | false {
  if (process.env.TEST_REQUIRE_NATS === "1") return false;
  return spawnSync("nats-server", ["--version"]).error === undefined ? false : "there is no nats-server on the path";
}

/** What a server of a test's own is like. */
export interface NatsServerOptions {
  /** Default true. */
  readonly jetStream?: boolean;
  /** Where it listens. Default 127.0.0.1. */
  readonly address?: string;
  /** More of its configuration, as text. */
  readonly config?: string;
}

/** A NATS server in a process of its own; its port and its files outlive it. */
export class NatsServer {
  readonly name: string;
  readonly port: number;
  readonly clusterPort: number;
  readonly #folder: string;
  #address = "127.0.0.1";
  #child: ChildProcess | null = null;

  private constructor(name: string, port: number, clusterPort: number) {
    this.name = name;
    this.port = port;
    this.clusterPort = clusterPort;
    this.#folder = mkdtempSync(join(tmpdir(), "millrace-nats-"));
  }

  /** Starts one, and waits until it answers. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = await NatsServer.#make("single");
    server.#configure(options, null);
    await server.start();
    return server;
  }

  /** Starts three that are one cluster, and waits until they have a leader. */
  static async startCluster(): Promise<NatsServer[]> {
    const servers = [await NatsServer.#make("one"), await NatsServer.#make("two"), await NatsServer.#make("three")];
    const routes = servers.map(({ clusterPort }) => `nats-route://127.0.0.1:${clusterPort}`);
    for (const server of servers) server.#configure({}, routes);
    await Promise.all(servers.map((server) => server.start()));
    return servers;
  }

  static async #make(name: string): Promise<NatsServer> {
    return new NatsServer(name, await freePort(), await freePort());
  }

  get url(): string {
    return `nats://${this.#address}:${this.port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it, again where it was. */
  async start(): Promise<void> {
    this.#child = spawn("nats-server", ["-c", join(this.#folder, "nats.conf")], { stdio: "ignore" });
    try {
      await eventually(async () => {
        if (this.#child?.exitCode !== null) throw new Error("nats-server has ended: its configuration does not fit");
        assert.match(await greeting(this.#address, this.port), /^INFO /);
      });
    } catch (error) {
      await this.end("SIGKILL");
      throw error;
    }
  }

  /** Ends it with a signal, and waits until it is gone. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    if (signal === "SIGTERM") child.kill("SIGCONT");
    await gone;
  }

  /** Stops its process, as a machine that hangs; or lets it go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #configure(options: NatsServerOptions, routes: readonly string[] | null): void {
    const { jetStream = true, address = "127.0.0.1", config = "" } = options;
    this.#address = address;
    const lines = [
      `server_name: ${this.name}`,
      `listen: "${address}:${this.port}"`,
      ...(jetStream ? [`jetstream { store_dir: ${JSON.stringify(join(this.#folder, "data"))} }`] : []),
      ...(routes === null
        ? []
        : [
            `cluster { name: test, listen: "127.0.0.1:${this.clusterPort}", routes: [${routes.map((route) => JSON.stringify(route)).join(", ")}] }`,
          ]),
      config,
    ];
    writeFileSync(join(this.#folder, "nats.conf"), lines.join("\n"));
  }
}

/** What a server says to whoever connects, be it with credentials, encrypted, or not. */
async function greeting(address: string, port: number): Promise<string> {
  const socket = createConnection(port, address);
  try {
    const [data] = await once(socket, "data");
    return String(data);
  } finally {
    socket.destroy();
  }
}
