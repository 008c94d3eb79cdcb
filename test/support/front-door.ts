import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/**
 * One address for several nodes, as a load balancer gives it: each connection goes to one of those that listen, in turn.
 * It knows nothing of HTTP.
 */
export class FrontDoor {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #turn = 0;
  url = "";

  private constructor(portsOf: () => readonly number[]) {
    this.#server = createServer((client) => this.#accept(client, portsOf()));
  }

  /** `portsOf` tells the ports of the nodes that there are at the moment. */
  static async open(portsOf: () => readonly number[]): Promise<FrontDoor> {
    const door = new FrontDoor(portsOf);
    door.#server.listen(0, "127.0.0.1");
    await once(door.#server, "listening");
    const address = door.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    door.url = `http://127.0.0.1:${address.port}`;
    return door;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(client: Socket, ports: readonly number[]): void {
    this.#keep(client);
    this.#turn += 1;
    this.#connect(
      client,
      ports.map((_, index) => ports[(index + this.#turn) % ports.length] ?? 0),
    );
  }

  #connect(client: Socket, [port, ...others]: readonly number[]): void {
    if (port === undefined) {
      client.destroy();
      return;
    }
    const node = connect(port, "127.0.0.1");
    this.#keep(node);
    node.once("connect", () => {
      client.pipe(node);
      node.pipe(client);
      client.once("close", () => node.destroy());
      node.once("close", () => client.destroy());
      node.removeAllListeners("error").on("error", () => client.destroy());
    });
    node.once("error", () => this.#connect(client, others));
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#sockets.delete(socket));
  }
}
