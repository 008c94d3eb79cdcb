import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { FrameBytes } from "./frame-bytes.ts";
import { canTakeOver, takeOver } from "./take-over.ts";

/** A client that takes nothing of what waits for it for so long after the end, in milliseconds, is gone. */
const LINGER_MS = 30_000;

/** Where a stream's bytes go. */
export interface Sink {
  /** Sends whole frames in one write. */
  write(frames: FrameBytes): void;
  /** Bytes that wait in this process for the client to read. */
  readonly pending: number;
  /** Ends the stream after what was written; a client that does not take that is cut off. */
  end(): void;
  /** Cuts the connection. */
  destroy(): void;
}

/** Whom a sink tells. */
export interface SinkOwner {
  /** All that waited has gone. */
  drained(): void;
  /** The connection is closed; nothing more comes. */
  gone(): void;
}

/**
 * The sink of a response whose head has been sent. Bytes go to the socket itself, which it takes over where it can: the
 * response would frame each write anew for each client, at half the rate. Where the connection has other requests under
 * way, they go the ordinary way.
 */
export function openSink(response: ServerResponse, owner: SinkOwner): Sink {
  if (!canTakeOver(response)) return new ResponseSink(response, owner);
  const framed = response.chunkedEncoding;
  return new SocketSink(takeOver(response), framed, owner);
}

const OWNER = Symbol("owner of the stream on this socket");

type OwnedSocket = Socket & { [OWNER]?: SinkOwner };

const LAST_CHUNK = Buffer.from("0\r\n\r\n");

/** One listener for all sockets: a closure for each would weigh more than the rest of a subscriber. */
function onDrain(this: OwnedSocket): void {
  this[OWNER]?.drained();
}

function onClose(this: OwnedSocket): void {
  this[OWNER]?.gone();
}

function destroy(this: Socket): void {
  this.destroy();
}

function ignore(): void {}

class SocketSink implements Sink {
  readonly #socket: Socket;
  readonly #framed: boolean;

  constructor(socket: Socket, framed: boolean, owner: SinkOwner) {
    this.#socket = socket;
    this.#framed = framed;
    (socket as OwnedSocket)[OWNER] = owner;
    socket.on("drain", onDrain);
    socket.on("close", onClose);
    // A client that has sent the end of its side has gone.
    socket.on("end", destroy);
    // What follows is a close.
    socket.on("error", ignore);
  }

  write(frames: FrameBytes): void {
    if (!this.#socket.destroyed) this.#socket.write(this.#framed ? frames.chunk : frames.bytes);
  }

  get pending(): number {
    return this.#socket.writableLength;
  }

  end(): void {
    if (this.#framed) this.#socket.end(LAST_CHUNK);
    else this.#socket.end();
    this.#socket.setTimeout(LINGER_MS);
    this.#socket.on("timeout", destroy);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

class ResponseSink implements Sink {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse, owner: SinkOwner) {
    this.#response = response;
    response.on("drain", () => owner.drained());
    response.once("close", () => owner.gone());
    response.on("error", () => owner.gone());
  }

  write(frames: FrameBytes): void {
    this.#response.write(frames.bytes);
  }

  get pending(): number {
    return this.#response.writableLength;
  }

  end(): void {
    this.#response.end();
    // The HTTP server destroys a socket that times out; one that goes on taking bytes, however slowly, does not.
    this.#response.socket?.setTimeout(LINGER_MS);
  }

  destroy(): void {
    this.#response.destroy();
  }
}
