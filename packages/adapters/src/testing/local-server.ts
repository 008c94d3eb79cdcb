import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";

/** A real HTTP server on a free port of this machine, gone at the end of the block. */
export class LocalServer {
  readonly #server: Server;
  readonly url: string;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(listener: RequestListener): Promise<LocalServer> {
    const server = createServer(listener);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the server has no port");
    return new LocalServer(server, address.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}
