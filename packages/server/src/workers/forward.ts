import {
  Agent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
  type ServerResponse,
} from "node:http";
import { MillraceError } from "@millrace/protocol";
import { PEER_HEADER } from "../http/client.ts";
import { cutWhenStalled } from "../http/stalled.ts";

/** Passes a request on; resolves once its answer has begun. @throws MillraceError where there will be none */
export type Forward = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** The way to the main process. */
export interface ForwardAgent {
  readonly forward: Forward;
  /** Resolves when every request that was passed on is answered, or its client gone. */
  settled(): Promise<unknown>;
}

/** Headers that are about one connection, not about the request (RFC 9110, section 7.6.1). */
const OF_CONNECTION = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
]);

/** What only a worker may say to the main process. */
const OWN = new Set([PEER_HEADER]);

/**
 * Passes requests on to the main process, over the socket at `socketPath`, and its answers back, as they are. A body is
 * not sent further than the main process would read it: what is larger than `maxBodyBytes` it refuses.
 */
export function createForward(socketPath: string, maxBodyBytes: number): ForwardAgent {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 64 });
  const open = new Set<Promise<void>>();
  return {
    forward(request, response) {
      const done = new Promise<void>((resolve) => response.once("close", resolve)).then(() => {
        open.delete(done);
      });
      open.add(done);
      return new Promise((resolve, reject) => {
        const upstream = httpRequest(optionsOf(request, socketPath, agent));
        upstream.on("response", (answer) => {
          passBack(request, answer, response);
          resolve();
        });
        upstream.on("error", (error) => {
          // Once it has begun, the answer tells by itself whether it is whole.
          reject(
            new MillraceError("SERVICE_UNAVAILABLE", "The service cannot answer at present. Try again shortly.", {
              cause: error,
            }),
          );
        });
        response.once("close", () => {
          // The client has gone: so that the main process stops working for it.
          if (!response.writableFinished || !request.complete) upstream.destroy();
          resolve();
        });
        passBody(request, upstream, maxBodyBytes);
      });
    },
    settled: () => Promise.all(open),
  };
}

function optionsOf(request: IncomingMessage, socketPath: string, agent: Agent): RequestOptions {
  const headers: string[] = [];
  const names = new Set<string>();
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index] ?? "";
    const lower = name.toLowerCase();
    names.add(lower);
    if (!OF_CONNECTION.has(lower) && !OWN.has(lower)) headers.push(name, request.rawHeaders[index + 1] ?? "");
  }
  // HTTP/1.0 does without; that HTTP/1.1 does not, the main process says.
  if (!names.has("host") && request.httpVersion !== "1.1") headers.push("Host", "localhost");
  if (names.has("transfer-encoding")) headers.push("Transfer-Encoding", "chunked");
  // Otherwise one without a body would be sent as one with an empty body.
  else if (!names.has("content-length") && !BODYLESS.has(request.method ?? "")) headers.push("Content-Length", "0");
  headers.push("Connection", "keep-alive", PEER_HEADER, request.socket.remoteAddress ?? "unknown");
  // An array is sent as it is, repeated names and all.
  return { socketPath, agent, method: request.method, path: request.url, headers } as RequestOptions;
}

/** Methods whose requests have no body by default. */
const BODYLESS = new Set(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT"]);

function passBody(request: IncomingMessage, upstream: ReturnType<typeof httpRequest>, maxBodyBytes: number): void {
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared === 0 && request.headers["transfer-encoding"] === undefined) {
    upstream.end();
    return;
  }
  // It is refused by its head: not one byte of it is waited for.
  upstream.flushHeaders();
  if (declared > maxBodyBytes) return;
  let sent = 0;
  request.on("data", (chunk: Buffer) => {
    if (sent > maxBodyBytes) return;
    sent += chunk.length;
    if (upstream.write(chunk)) return;
    request.pause();
    upstream.once("drain", () => request.resume());
  });
  request.on("end", () => {
    if (sent <= maxBodyBytes) upstream.end();
  });
}

/** Sends the main process's answer, byte by byte as it comes. */
function passBack(request: IncomingMessage, answer: IncomingMessage, response: ServerResponse): void {
  const headers: string[] = [];
  for (let index = 0; index < answer.rawHeaders.length; index += 2) {
    const [name = "", value = ""] = answer.rawHeaders.slice(index, index + 2);
    const lower = name.toLowerCase();
    // What keeps this client's connection open is this process's business; that it is to be closed, the answer's.
    if (!OF_CONNECTION.has(lower) || (lower === "connection" && value === "close")) headers.push(name, value);
  }
  if (response.destroyed) {
    answer.destroy();
    return;
  }
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headers);
  // A stream's client may take its time.
  if (!answer.headers["content-type"]?.startsWith("text/event-stream")) cutWhenStalled(response);
  answer.on("error", () => response.destroy());
  answer.pipe(response);
  answer.once("end", () => {
    // The rest of a body that nobody wants.
    if (!request.complete) answer.destroy();
  });
}
