import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** The form of a client's own request id that is echoed. */
const SANE = /^[A-Za-z0-9._:-]{1,128}$/;

/** The request's id, on every answer as `X-Request-ID` and in errors as `correlation_id`: the client's own where it is sane. */
export function requestIdOf(request: Pick<IncomingMessage, "headers">): string {
  const own = request.headers["x-request-id"];
  return typeof own === "string" && SANE.test(own) ? own : randomUUID();
}
