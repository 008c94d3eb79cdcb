import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebhookBody, webhookBodySchema } from "@millrace/protocol";

/** A delivery that came in. */
export interface Received {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: WebhookBody;
}

/** What a receiver does with what comes in: a status, or nothing at all. */
export type Behaviour = number | "hang" | "cut";

/** A receiver of webhooks on a port of its own. */
export class Receiver {
  readonly received: Received[] = [];
  /** Of the next deliveries, in order; afterwards {@link usual}. */
  readonly next: Behaviour[] = [];
  usual: Behaviour = 204;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    server.on("request", async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString("utf8");
      const { headers } = request;
      const body = webhookBodySchema.parse(JSON.parse(text));
      receiver.received.push({ id: String(headers["webhook-id"]), headers, text, body });
      const behaviour = receiver.next.shift() ?? receiver.usual;
      if (behaviour === "cut") request.socket.destroy();
      else if (behaviour !== "hang") response.writeHead(behaviour).end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return receiver;
  }

  get url(): string {
    // It listens on a port of TCP.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** The signature that a receiver computes of what came in, as the Standard Webhooks specification says. */
export function signatureOf({ id, headers, text }: Received, secret: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signed = `${id}.${headers["webhook-timestamp"]}.${text}`;
  return `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
}
