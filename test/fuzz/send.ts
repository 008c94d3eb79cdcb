import { Agent, type IncomingHttpHeaders, request } from "node:http";
import type { MadeRequest } from "./make-request.ts";

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Whether the client left before the answer was whole. */
  readonly left: boolean;
}

/** How a client is, and how long it waits. */
export interface SendOptions {
  readonly agent: Agent;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** The client leaves when so many bytes of the answer have come; null: it stays to the end. */
  readonly leaveAfter: number | null;
  /** In milliseconds: it leaves then. */
  readonly patience: number;
}

/** A pool of connections for a campaign. */
export function connections(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 64 });
}

/** Sends a request as it is made, without tidying its target up. Rejects where there is no answer. */
export function send(base: string, made: MadeRequest, options: SendOptions): Promise<Answer> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = { ...options.headers, ...made.headers };
    if (made.body !== null) headers["Content-Length"] = String(made.body.length);
    const outgoing = request({ agent: options.agent, hostname, port, method: made.method, path: made.target, headers });
    const chunks: Buffer[] = [];
    let size = 0;
    let head: { status: number; headers: IncomingHttpHeaders } | null = null;
    const finish = (left: boolean) => {
      clearTimeout(timer);
      if (head !== null) resolve({ ...head, body: Buffer.concat(chunks), left });
      else if (left) resolve({ status: 0, headers: {}, body: Buffer.alloc(0), left });
      if (left) outgoing.destroy();
    };
    const timer = setTimeout(() => finish(true), options.patience);
    outgoing.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    outgoing.on("response", (response) => {
      head = { status: response.statusCode ?? 0, headers: response.headers };
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (options.leaveAfter !== null && size >= options.leaveAfter) finish(true);
      });
      response.on("end", () => finish(false));
      response.on("error", reject);
    });
    outgoing.end(made.body ?? undefined);
  });
}
