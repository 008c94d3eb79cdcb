const CRLF = Buffer.from("\r\n");

/**
 * Bytes of whole frames, framed once as a chunk for all that are sent them. One allocation holds both forms: what a
 * client has not taken yet is kept alive by it, and by nothing else.
 */
export class FrameBytes {
  /** As one chunk of HTTP/1.1's chunked coding (RFC 9112, section 7.1). */
  readonly chunk: Buffer;
  /** How many events are in it. */
  readonly events: number;
  readonly #start: number;

  private constructor(chunk: Buffer, start: number, events: number) {
    this.chunk = chunk;
    this.events = events;
    this.#start = start;
  }

  /** Of text that is whole frames, a comment, or a `retry:` line. */
  static of(text: string): FrameBytes {
    return FrameBytes.join([Buffer.from(text)]);
  }

  /** Joins whole frames, `events` of them events; not of nothing, since a chunk of no bytes would end the answer. */
  static join(parts: readonly Buffer[], events = 0): FrameBytes {
    let length = 0;
    for (const part of parts) length += part.length;
    const size = `${length.toString(16)}\r\n`;
    const chunk = Buffer.allocUnsafe(size.length + length + CRLF.length);
    let at = chunk.write(size, "latin1");
    for (const part of parts) at += part.copy(chunk, at);
    CRLF.copy(chunk, at);
    return new FrameBytes(chunk, size.length, events);
  }

  /** How many bytes the frames have. */
  get length(): number {
    return this.chunk.length - this.#start - CRLF.length;
  }

  /** Without the framing, for connections that have none (HTTP/1.0). */
  get bytes(): Buffer {
    return this.chunk.subarray(this.#start, this.chunk.length - CRLF.length);
  }
}
