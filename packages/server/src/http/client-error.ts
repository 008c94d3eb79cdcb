import { randomUUID } from "node:crypto";
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { ERROR_CODES, type ErrorCode } from "@millrace/protocol";
import { errorBody } from "./errors.ts";
import { ALWAYS } from "./security-headers.ts";

/**
 * Answers what never becomes a request, on the raw socket: malformed HTTP, a head that is too large or comes too
 * slowly, `CONNECT`. Node would answer these with an empty body or close the connection. `refused` is told of each.
 */
export function answerClientErrors(server: Server, refused: (code: ErrorCode) => void): void {
  const current = new WeakMap<Duplex, ServerResponse>();
  server.on("request", (request: IncomingMessage, response: ServerResponse) => current.set(request.socket, response));
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const open = current.get(socket);
    // Half an answer is on its way, as in a stream of events: bytes of another one would become part of it.
    const midway = open?.headersSent === true && !open.writableFinished;
    if (error.code === "ECONNRESET" || !socket.writable || midway) socket.destroy();
    else {
      const [code, detail] = describe(error);
      refused(code);
      refuseSocket(socket, code, detail, { bodiless: asksForHead(error) });
    }
  });
  server.on("connect", (_request, socket) => {
    refused("METHOD_NOT_ALLOWED");
    refuseSocket(socket, "METHOD_NOT_ALLOWED", "The service is no proxy: it does not take CONNECT.", {
      headers: ["Allow: GET, HEAD, OPTIONS"],
    });
  });
  // An expectation that is not known is none: the request is handled without it.
  server.on("checkExpectation", (request, response) => server.emit("request", request, response));
}

function describe(error: NodeJS.ErrnoException): [ErrorCode, string] {
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return ["HEADERS_TOO_LARGE", "The request's line and headers are larger than max_header_bytes allows."];
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return ["PAYLOAD_TOO_LARGE", "The chunk extensions of the request's body are too large."];
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return ["REQUEST_TIMEOUT", "The request did not arrive in time."];
    default:
      return ["REQUEST_MALFORMED", "The request is not well-formed HTTP."];
  }
}

/** Whether it is the head alone that is asked for: seen where what was not understood begins with the request. */
function asksForHead(error: Error): boolean {
  const packet = "rawPacket" in error ? error.rawPacket : undefined;
  return Buffer.isBuffer(packet) && packet.toString("latin1", 0, 5) === "HEAD ";
}

/** Answers on a connection with an error, and ends it. */
export function refuseSocket(
  socket: Duplex,
  code: ErrorCode,
  detail: string,
  { headers = [], bodiless = false }: { readonly headers?: readonly string[]; readonly bodiless?: boolean } = {},
): void {
  const correlationId = randomUUID();
  const { status } = ERROR_CODES[code];
  const body = JSON.stringify(errorBody(code, detail, correlationId));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Cache-Control: no-store",
    ...Object.entries(ALWAYS).map(([name, value]) => `${name}: ${value}`),
    `X-Request-ID: ${correlationId}`,
    "Connection: close",
    ...headers,
  ];
  socket.on("error", () => {});
  socket.end(`${head.join("\r\n")}\r\n\r\n${bodiless ? "" : body}`);
}
