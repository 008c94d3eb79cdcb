import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** A way to a server of this machine, on which everything may stand still: nothing is lost, and nothing is closed. */
export class Link implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #stalled = false;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async open(target: number): Promise<Link> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const link = new Link(server, address.port);
    server.on("connection", (client) => {
      const upstream = connect(target, "127.0.0.1");
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        link.#sockets.add(one);
        one.on("data", (bytes) => other.write(bytes));
        one.on("error", () => undefined);
        one.on("close", () => {
          link.#sockets.delete(one);
          other.destroy();
        });
        if (link.#stalled) one.pause();
      }
    });
    return link;
  }

  /** From now on, or no longer, nothing gets through. */
  stall(stalled: boolean): void {
    this.#stalled = stalled;
    for (const socket of this.#sockets) {
      if (stalled) socket.pause();
      else socket.resume();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }
}
