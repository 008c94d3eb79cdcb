import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** What NATS carried from one node to others. */
export interface FeedFigures {
  readonly nodes: number;
  readonly bytes: number;
  /** Messages that were published a second. */
  readonly messages: number;
  /** Megabytes a second that left the server. */
  readonly megabytes: number;
}

/** The version, or null where the Debian package is not installed. */
export function natsVersion(): string | null {
  const { stdout, error } = spawnSync("nats-server", ["-v"], { encoding: "utf8" });
  return error === undefined ? (/v([\d.]+)/.exec(stdout)?.[1] ?? "") : null;
}

/** A server of the benchmark's own, with JetStream on a folder of its own. */
export class NatsServer implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "millrace-nats-"));
  readonly #child: ChildProcess;
  readonly #port: number;

  private constructor(port: number) {
    this.#port = port;
    this.#child = spawn("nats-server", ["-a", "127.0.0.1", "-p", `${port}`, "-js", "-sd", this.#folder], {
      stdio: "ignore",
    });
  }

  static async start(): Promise<NatsServer> {
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const address = free.address();
    free.close();
    await once(free, "close");
    if (address === null || typeof address === "string") throw new Error("There is no free port.");
    const server = new NatsServer(address.port);
    while (!(await server.#answers())) await wait(20);
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.kill()) await once(this.#child, "close");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Publishes as fast as `nodes` subscribers read, which all get everything. */
  async measureFeed({
    nodes,
    bytes,
    seconds,
  }: {
    nodes: number;
    bytes: number;
    seconds: number;
  }): Promise<FeedFigures> {
    const frame = 40;
    const readers = await Promise.all(
      Array.from({ length: nodes }, async () => {
        const socket = await this.#login();
        let got = 0;
        socket.on("data", (chunk) => {
          got += chunk.length;
        });
        socket.write("SUB feed 1\r\nPING\r\n");
        return { socket, got: () => got };
      }),
    );
    const publisher = await this.#login();
    const one = Buffer.from(`PUB feed ${bytes}\r\n${"x".repeat(bytes)}\r\n`);
    const many = Buffer.concat(Array.from({ length: Math.max(1, Math.floor(65_536 / one.length)) }, () => one));
    const perWrite = many.length / one.length;
    await wait(100);
    let published = 0;
    const begun = performance.now();
    while (performance.now() - begun < seconds * 1_000) {
      // So many are on their way at most: a server drops readers that are too far behind.
      const slowest = Math.min(...readers.map(({ got }) => got())) / (bytes + frame / 2);
      if ((published - slowest) * bytes > WINDOW_BYTES) {
        await wait(0);
        continue;
      }
      published += perWrite;
      if (!publisher.write(many)) await once(publisher, "drain");
    }
    const elapsed = (performance.now() - begun) / 1_000;
    const read = readers.reduce((sum, { got }) => sum + got(), 0);
    for (const { socket } of readers) socket.destroy();
    publisher.destroy();
    return { nodes, bytes, messages: read / nodes / (bytes + frame / 2) / elapsed, megabytes: read / elapsed / 1e6 };
  }

  /** Puts tasks into a work queue in files, with so many that are not acknowledged yet; returns how many a second. */
  async measureTasks({
    bytes,
    outstanding,
    seconds,
  }: {
    bytes: number;
    outstanding: number;
    seconds: number;
  }): Promise<number> {
    const socket = await this.#login();
    let answers = 0;
    let heard: () => void = () => {};
    socket.on("data", (chunk) => {
      for (let at = chunk.indexOf("MSG "); at >= 0; at = chunk.indexOf("MSG ", at + 1)) answers += 1;
      heard();
    });
    const config = JSON.stringify({ name: "tasks", subjects: ["tasks"], retention: "workqueue", storage: "file" });
    socket.write(`SUB answers 1\r\nPUB $JS.API.STREAM.CREATE.tasks answers ${config.length}\r\n${config}\r\n`);
    while (answers === 0) await wait(5);
    answers = 0;
    const one = Buffer.from(`PUB tasks answers ${bytes}\r\n${"x".repeat(bytes)}\r\n`);
    let put = 0;
    const begun = performance.now();
    while (performance.now() - begun < seconds * 1_000) {
      const room = outstanding - (put - answers);
      if (room <= 0) {
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
        continue;
      }
      put += room;
      socket.write(Buffer.concat(Array.from({ length: room }, () => one)));
    }
    socket.destroy();
    return answers / ((performance.now() - begun) / 1_000);
  }

  async #login(): Promise<Socket> {
    const socket = connect(this.#port, "127.0.0.1");
    socket.setNoDelay(true);
    await once(socket, "connect");
    socket.write('CONNECT {"verbose":false,"pedantic":false}\r\n');
    return socket;
  }

  async #answers(): Promise<boolean> {
    const socket = connect(this.#port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return true;
    } catch {
      return false;
    } finally {
      socket.destroy();
    }
  }
}

const WINDOW_BYTES = 8 * 1024 * 1024;
