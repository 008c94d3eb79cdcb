import type { Duplex } from "node:stream";
import { ERROR_CODES, type ErrorCode, MillraceError } from "@millrace/protocol";
import type { Calls, Handlers } from "./calls.ts";

/** length of what follows u32 · kind u8 */
const PREFIX_BYTES = 5;

const GROUP = 1;
const CALL = 2;
const RESULT = 3;

/** Messages up to this size are copied into one buffer: cheaper than a write of many parts. */
const MAX_COPY_BYTES = 64 * 1024;

/** What a line tells. */
export interface ChannelEvents {
  /** A commit group's message has come. */
  group(message: Buffer): void;
  /** Nothing waits any more for the other process to read. */
  drained(): void;
  /** The line is closed: told once, and last. */
  closed(): void;
}

/**
 * The line between the main process and one of its workers: commit groups in binary, calls and their results in JSON.
 * Both ends are of the same version, since one has started the other.
 *
 * Results and calls take effect in the order in which they were sent.
 *
 * States: *open* → *closed*, when either process ends or the line breaks; calls without an answer are then rejected.
 */
export class Channel<Out extends Calls<Out>, In extends Calls<In>> {
  readonly #socket: Duplex;
  readonly #handlers: Handlers<In>;
  readonly #onGroup: (message: Buffer) => void;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #received: Buffer[] = [];
  #receivedBytes = 0;
  /** Bytes until the next message is whole; with fewer there is nothing to do. */
  #neededBytes = PREFIX_BYTES;
  #lastCall = 0;
  #closed = false;

  constructor(socket: Duplex, handlers: Handlers<In>, events: ChannelEvents) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#onGroup = events.group;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("drain", events.drained);
    // What is wrong with the line ends it, and that is told by `close`.
    socket.on("error", () => {});
    socket.on("end", () => socket.destroy());
    socket.once("close", () => {
      this.#closed = true;
      for (const { reject } of this.#calls.values()) reject(closed());
      this.#calls.clear();
      events.closed();
    });
  }

  /** Bytes that wait for the other process to read. */
  get pending(): number {
    return this.#socket.writableLength;
  }

  /**
   * Asks the other process.
   * @throws MillraceError the other's; SERVICE_UNAVAILABLE where it is gone
   */
  call<M extends keyof Out & string>(method: M, params: Out[M]["params"]): Promise<Out[M]["result"]> {
    if (this.#closed) return Promise.reject(closed());
    this.#lastCall += 1;
    const id = this.#lastCall;
    return new Promise((resolve, reject) => {
      // Resolved by the answer to this very call.
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#send(CALL, [Buffer.from(JSON.stringify({ id, method, params }))]);
    });
  }

  /** Sends a commit group's message, in one write. */
  sendGroup(parts: readonly Buffer[]): void {
    this.#send(GROUP, parts);
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(kind: number, parts: readonly Buffer[]): void {
    if (this.#closed) return;
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
    prefix.writeUInt32LE(bytes + 1, 0);
    prefix.writeUInt8(kind, 4);
    if (bytes <= MAX_COPY_BYTES) {
      this.#socket.write(Buffer.concat([prefix, ...parts], PREFIX_BYTES + bytes));
      return;
    }
    this.#socket.cork();
    this.#socket.write(prefix);
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  #receive(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes < this.#neededBytes) return;
    let rest = this.#received.length === 1 ? chunk : Buffer.concat(this.#received, this.#receivedBytes);
    this.#neededBytes = PREFIX_BYTES;
    while (rest.length >= PREFIX_BYTES) {
      const end = 4 + rest.readUInt32LE(0);
      if (rest.length < end) {
        this.#neededBytes = end;
        break;
      }
      this.#handle(rest.readUInt8(4), rest.subarray(PREFIX_BYTES, end));
      rest = rest.subarray(end);
    }
    this.#received.length = 0;
    if (rest.length > 0) this.#received.push(rest);
    this.#receivedBytes = rest.length;
  }

  #handle(kind: number, message: Buffer): void {
    if (kind === GROUP) {
      this.#onGroup(message);
      return;
    }
    const body = JSON.parse(message.toString());
    if (kind === CALL) {
      // Whoever waits for a result that came before it, in the same read even, goes on first: a worker that gave back
      // room before it had counted in what it was granted would give back too little.
      // Answered in any case, and a rejection becomes the answer.
      setImmediate(() => void this.#answer(body.id, body.method, body.params));
      return;
    }
    const call = this.#calls.get(body.id);
    this.#calls.delete(body.id);
    if (body.error === undefined) call?.resolve(body.result);
    else call?.reject(new MillraceError(codeOf(body.error.code), body.error.message));
  }

  async #answer(id: number, method: keyof In, params: In[keyof In]["params"]): Promise<void> {
    let answer: object;
    try {
      answer = { id, result: await this.#handlers[method](params) };
    } catch (error) {
      const code = error instanceof MillraceError ? error.code : "INTERNAL";
      answer = { id, error: { code, message: error instanceof Error ? error.message : String(error) } };
    }
    this.#send(RESULT, [Buffer.from(JSON.stringify(answer))]);
  }
}

function codeOf(code: unknown): ErrorCode {
  // A key of the registry, as it was looked up in it.
  return typeof code === "string" && code in ERROR_CODES ? (code as ErrorCode) : "INTERNAL";
}

function closed(): MillraceError {
  return new MillraceError("SERVICE_UNAVAILABLE", "The other process of the service is gone.");
}
