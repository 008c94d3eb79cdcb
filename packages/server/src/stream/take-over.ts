import type { RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** The last response that was begun on a connection: with requests that come ahead of their turn there are several. */
const newest = new WeakMap<Socket, ServerResponse>();

/** Events of a connection that the HTTP server listens to. */
const HTTP_EVENTS = ["data", "end", "close", "drain", "error", "timeout", "pause", "resume"];

/** What the HTTP server has put on a connection, undocumented; all of it is looked at before it is used. */
type HttpSocket = Socket & {
  parser?: { remove?: () => void; close?: () => void } | null;
};

/** Listeners that are told of a connection's end, whoever has it. */
const lasting = new WeakSet<() => void>();

/** Has a connection keep a listener when it is taken over; to be called before it is put there. */
export function outlivesTakeOver(listener: () => void): void {
  lasting.add(listener);
}

/** What a response emits, with its connection, when that is taken from it: none of its other events comes any more. */
export const TAKEN_OVER = Symbol("taken over");

/** A listener that notes what {@link canTakeOver} has to know. */
export function noteResponses(listener: RequestListener): RequestListener {
  return (request, response) => {
    newest.set(request.socket, response);
    return listener(request, response);
  };
}

/** Whether the response's connection may be taken over: no other response is under way on it. */
export function canTakeOver(response: ServerResponse): boolean {
  const { socket } = response;
  return socket !== null && newest.get(socket) === response && typeof response.detachSocket === "function";
}

/**
 * Takes the connection of a response whose head has been sent away from the HTTP server, as the server itself does it
 * for an upgrade: from here on it is a socket and nothing more. What a stream would else hold for as long as it lasts
 * (parser, request, response, their listeners: some 10 KB of the 20 KB of an idle one) is let go of.
 *
 * The connection can carry no other request: its head must have said `Connection: close`. What the client still sends
 * is dropped. Only where {@link canTakeOver}.
 */
export function takeOver(response: ServerResponse): Socket {
  // `canTakeOver` has seen it; the rest is looked at below.
  const socket = response.socket as HttpSocket;
  const { parser } = socket;
  newest.delete(socket);
  // The server reads past the socket until somebody listens for its data.
  socket.on("data", () => {});
  response.detachSocket(socket);
  const lastingOnes = socket.listeners("close").filter((each) => lasting.has(each as () => void)) as (() => void)[];
  for (const event of HTTP_EVENTS) socket.removeAllListeners(event);
  for (const listener of lastingOnes) socket.on("close", listener);
  // Out of the list of connections whose requests may take too long.
  parser?.remove?.();
  socket.parser = null;
  // Not before the parser, which may have called us, has returned.
  setImmediate(() => parser?.close?.());
  // The client's own end of the connection is noticed only while it is read.
  socket.resume();
  response.emit(TAKEN_OVER, socket);
  return socket;
}
