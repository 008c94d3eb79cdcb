import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

/** What becomes of an answer on its way. */
export type Fate =
  | { readonly kind: "whole" }
  /** The connection breaks `bytes` bytes into `block`, which is a part of the answer. */
  | { readonly kind: "cut"; readonly block: Buffer; readonly bytes: number }
  /** It arrives in two parts, the second one of which begins `bytes` bytes into `block`. */
  | { readonly kind: "split"; readonly block: Buffer; readonly bytes: number }
  /** Every byte arrives by itself. */
  | { readonly kind: "crumbs" };

/** A request as it came over the wire. */
export interface WireRequest {
  /** The first part of the path; the service sees what is behind it. */
  readonly label: string;
  readonly method: string;
  readonly path: string;
  /** When it came, in milliseconds of the monotonic clock. */
  readonly at: number;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The wire between a client and a service, which notes what is asked and does to answers what networks do. It carries
 * one request per connection. Clients ask for `${wire.url}/LABEL/…`, and `fateOf` says what becomes of the answer.
 */
export class Wire {
  readonly url: string;
  readonly requests: WireRequest[] = [];
  /** All that the service has answered so far, by label. */
  readonly answers = new Map<string, string>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async open(target: string, fateOf: (label: string, nth: number) => Fate = () => ({ kind: "whole" })) {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const wire = new Wire(server, `http://127.0.0.1:${address.port}`);
    server.on("connection", (client) => {
      wire.#keep(client);
      // Either end may break off at any time.
      wire.#carry(client, new URL(target), fateOf).catch(() => client.destroy());
    });
    return wire;
  }

  /** The requests with this label, in the order in which they came. */
  of(label: string): WireRequest[] {
    return this.requests.filter((request) => request.label === label);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await once(this.#server, "close");
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
  }

  async #carry(client: Socket, target: URL, fateOf: (label: string, nth: number) => Fate): Promise<void> {
    const request = await readHead(client);
    if (request === null) return;
    const nth = this.of(request.label).length;
    this.requests.push(request);
    const upstream = connect(Number(target.port), target.hostname);
    this.#keep(upstream);
    client.on("close", () => upstream.destroy());
    upstream.write(request.forwarded);
    const fate = fateOf(request.label, nth);
    let seen = Buffer.alloc(0);
    let sent = 0;
    for await (const chunk of upstream) {
      seen = Buffer.concat([seen, chunk]);
      this.answers.set(request.label, (this.answers.get(request.label) ?? "") + chunk);
      if (fate.kind === "crumbs") {
        for (; sent < seen.length; sent += 1) {
          client.write(seen.subarray(sent, sent + 1));
          await new Promise((resolve) => setImmediate(resolve));
        }
        continue;
      }
      // Where the block may have begun, the rest is waited for.
      const at = fate.kind === "whole" ? -1 : seen.indexOf(fate.block);
      const until = fate.kind === "whole" ? seen.length : at < 0 ? seen.length - fate.block.length : at + fate.bytes;
      if (sent < until) client.write(seen.subarray(sent, until));
      sent = Math.max(sent, until);
      if (at < 0) continue;
      if (fate.kind === "cut") {
        upstream.destroy();
        client.destroySoon();
        return;
      }
      await wait(20);
      client.write(seen.subarray(sent));
      sent = seen.length;
    }
    client.end(seen.subarray(sent));
  }
}

/** Reads a request's head, and takes the label out of its path; null when the client leaves before. */
async function readHead(client: Socket): Promise<(WireRequest & { readonly forwarded: string }) | null> {
  let text = "";
  while (!text.includes("\r\n\r\n")) {
    const [chunk] = await Promise.race([once(client, "data"), once(client, "close")]);
    if (!Buffer.isBuffer(chunk)) return null;
    text += chunk.toString("latin1");
  }
  const [line = "", ...fields] = text.slice(0, text.indexOf("\r\n\r\n")).split("\r\n");
  const [, method = "", label = "", path = ""] = /^(\S+) \/([^/]*)(\S*) /.exec(line) ?? [];
  const others = fields.filter((field) => !/^connection:/i.test(field));
  const headers = others.map((field) => {
    const colon = field.indexOf(":");
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
  });
  const forwarded = `${[`${method} ${path} HTTP/1.1`, ...others, "Connection: close"].join("\r\n")}\r\n\r\n`;
  return { label, method, path, at: performance.now(), headers: Object.fromEntries(headers), forwarded };
}
