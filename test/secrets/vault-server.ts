import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** How a server answers. */
export type Mood = "well" | "sealed" | "silent" | "strange" | "redirecting";

/** A server that speaks the part of Vault's KV, version 2, that reads. */
export class VaultServer {
  readonly entries = new Map<string, Record<string, unknown>>();
  /** What is asked for, in order: paths, each with its namespace where it has one. */
  readonly asked: string[] = [];
  token = "vault-token-0123456789";
  mood: Mood = "well";
  #server: Server | null = null;
  #port = 0;

  static async start(): Promise<VaultServer> {
    const vault = new VaultServer();
    await vault.up();
    return vault;
  }

  /** Where secrets below `secret/millrace` are, as the setting has it. */
  get url(): string {
    return `vault+http://127.0.0.1:${this.#port}/secret/millrace`;
  }

  /** Listens, again on the port that it had. */
  async up(): Promise<void> {
    this.#server = createServer((request, response) => {
      const { "x-vault-token": token, "x-vault-namespace": namespace } = request.headers;
      this.asked.push(`${request.url}${namespace === undefined ? "" : ` in ${namespace}`}`);
      if (this.mood === "silent") return;
      const answer = (status: number, body: unknown, headers = {}) =>
        response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
      if (this.mood === "sealed") return answer(503, { errors: ["Vault is sealed"] });
      if (this.mood === "redirecting") return answer(307, {}, { location: "http://127.0.0.1:1/elsewhere" });
      // As servers should not: what was sent comes back.
      if (token !== this.token) return answer(403, { errors: [`permission denied: ${token}`] });
      if (this.mood === "strange") return response.end("<html>");
      const data = this.entries.get((request.url ?? "").replace("/v1/secret/data/millrace/", ""));
      return data === undefined
        ? answer(404, { errors: [] })
        : answer(200, { data: { data, metadata: { version: 1 } } });
    });
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    // A server that listens on TCP.
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }
}
