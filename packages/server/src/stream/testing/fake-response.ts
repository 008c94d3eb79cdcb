import type { ServerResponse } from "node:http";
import { Writable } from "node:stream";

/** A response whose client reads, or does not, as a test says. Its connection cannot be taken over. */
export class FakeResponse extends Writable {
  readonly chunkedEncoding = true;
  readonly socket = { setTimeout: () => undefined };
  readonly #chunks: Buffer[] = [];
  #stalled = false;
  #held: (() => void) | null = null;

  constructor() {
    super({ highWaterMark: 16 * 1024 });
  }

  /** As what the hub takes: it uses nothing of a response but what is here. */
  get asResponse(): ServerResponse {
    return this as unknown as ServerResponse;
  }

  /** What the client has read. */
  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  /** The client reads nothing until {@link drain}. */
  stall(): void {
    this.#stalled = true;
  }

  drain(): void {
    this.#stalled = false;
    const held = this.#held;
    this.#held = null;
    held?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const take = () => {
      this.#chunks.push(chunk);
      done();
    };
    if (this.#stalled) this.#held = take;
    else take();
  }
}
