import type { RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { errorBody } from "../http/errors.ts";
import { requestIdOf } from "../http/request-id.ts";
import { ALWAYS } from "../http/security-headers.ts";
import { cutWhenStalled } from "../http/stalled.ts";

/** Requests that one connection may send ahead of the answers to those before them. */
export const MAX_AHEAD = 100;

/**
 * A listener that answers no more requests of one connection at a time than {@link MAX_AHEAD}; it refuses what is sent
 * ahead of them, and has the connection closed. One connection could else have any number under way.
 */
export function limitPipelining(listener: RequestListener): RequestListener {
  const last = new WeakMap<Socket, ServerResponse>();
  const ahead = new WeakMap<Socket, number>();
  return (request, response) => {
    const { socket } = request;
    const before = last.get(socket);
    last.set(socket, response);
    // Nearly always: nothing is counted.
    if (before === undefined || before.writableFinished) return listener(request, response);
    const count = (ahead.get(socket) ?? 0) + 1;
    ahead.set(socket, count);
    response.once("close", () => ahead.set(socket, (ahead.get(socket) ?? 1) - 1));
    if (count <= MAX_AHEAD) return listener(request, response);
    const id = requestIdOf(request);
    const detail = `More than ${MAX_AHEAD} requests wait for their answers on this connection. Send the next one after an answer.`;
    const body = JSON.stringify(errorBody("RATE_LIMITED", detail, id));
    const head = { ...ALWAYS, "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };
    response.writeHead(429, { ...head, "x-request-id": id, "retry-after": "1", connection: "close" });
    cutWhenStalled(response);
    response.end(body);
  };
}
