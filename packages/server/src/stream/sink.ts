import type { ServerResponse } from "node:http";

/** Bytes of whole frames, with the framing of an HTTP chunk made once for all that are sent it. */
export class FrameBytes {
  readonly bytes: Buffer;
  #chunk: Buffer | null = null;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  static of(text: string): FrameBytes {
    return new FrameBytes(Buffer.from(text));
  }

  /** As one chunk of HTTP/1.1's chunked coding (RFC 9112, section 7.1). */
  get chunk(): Buffer {
    if (this.#chunk === null) {
      const size = Buffer.from(`${this.bytes.length.toString(16)}\r\n`);
      this.#chunk = Buffer.concat([size, this.bytes, CRLF], size.length + this.bytes.length + 2);
    }
    return this.#chunk;
  }
}

/** A client that takes nothing of what waits for it for so long after the end, in milliseconds, is gone. */
const LINGER_MS = 30_000;

const CRLF = Buffer.from("\r\n");

/** Where a stream's bytes go. */
export interface Sink {
  /** Sends whole frames in one write. False: so much waits that the next should wait for {@link onDrain}. */
  write(frames: FrameBytes): boolean;
  /** Bytes that wait in this process for the client to read. */
  readonly pending: number;
  /** Ends the stream after what was written; a client that does not take that is cut off. */
  end(): void;
  /** Called when all that waited has gone. */
  onDrain(listener: () => void): void;
}

/**
 * The sink of a response whose head has been sent. Bytes go to the socket itself: the response would frame each write
 * anew for each client, at half the rate. Where the response has no socket yet (a pipelined request), or cannot be
 * chunked (HTTP/1.0), they go the ordinary way.
 */
export function openSink(response: ServerResponse): Sink {
  const { socket } = response;
  if (socket === null || !response.chunkedEncoding) {
    return {
      write: (frames) => response.write(frames.bytes),
      get pending() {
        return response.writableLength;
      },
      end: () => end(response),
      onDrain: (listener) => response.on("drain", listener),
    };
  }
  return {
    write: (frames) => socket.destroyed || socket.write(frames.chunk),
    get pending() {
      return socket.writableLength;
    },
    end: () => end(response),
    onDrain: (listener) => {
      socket.on("drain", listener);
      // A kept-alive connection outlives this stream.
      response.once("close", () => socket.off("drain", listener));
    },
  };
}

/** The HTTP server destroys a socket that times out; one that goes on taking bytes, however slowly, does not. */
function end(response: ServerResponse): void {
  response.end();
  response.socket?.setTimeout(LINGER_MS);
}
