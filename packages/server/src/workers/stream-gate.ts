import type { Endpoint } from "../http/endpoint.ts";

/** The hub, as far as its room goes. */
interface Streams {
  /** Streams that are open. */
  readonly size: number;
}

/** Streams that this worker may open: asks the main process for more when there is no room. @see StreamQuota */
export class StreamGate {
  readonly #ask: (wanted: number) => Promise<number>;
  #limit: number;
  /** Requests for streams that have been let in, and are not streams yet. */
  #entering = 0;
  #waiting = 0;
  #asking: Promise<number> | null = null;
  #streams: Streams = { size: 0 };

  constructor(limit: number, ask: (wanted: number) => Promise<number>) {
    this.#limit = limit;
    this.#ask = ask;
  }

  /** Streams that may be open at once. */
  get limit(): number {
    return this.#limit;
  }

  /** An endpoint of the streams in `hub` which looks for room first. Where there is none, the endpoint says so. */
  guard(endpoint: Endpoint, hub: Streams): Endpoint {
    this.#streams = hub;
    return {
      ...endpoint,
      run: async (request, reply) => {
        await this.#enter();
        try {
          return await endpoint.run(request, reply);
        } finally {
          this.#entering -= 1;
        }
      },
    };
  }

  /** Gives up the room that nobody here waits for; returns how much that was. */
  giveBack(): number {
    // What was granted to those who wait would else be passed to and fro between two workers for ever.
    const room = Math.max(0, this.#room - this.#waiting);
    this.#limit -= room;
    return room;
  }

  get #room(): number {
    return this.#limit - this.#streams.size - this.#entering;
  }

  /** Lets a request in, once there is room or it is known that there is none. */
  async #enter(): Promise<void> {
    this.#waiting += 1;
    // What was asked before this request came may have been answered before there was room.
    const earlier = this.#asking;
    let full = false;
    while (this.#room <= 0 && !full) {
      this.#asking ??= this.#more();
      const asked = this.#asking;
      full = (await asked) === 0 && asked !== earlier;
    }
    // At the very moment that the room was there, so that nobody else counts on it.
    this.#waiting -= 1;
    this.#entering += 1;
  }

  async #more(): Promise<number> {
    try {
      const granted = await this.#ask(this.#waiting);
      this.#limit += granted;
      return granted;
    } catch {
      // The main process is gone, and soon this one.
      return 0;
    } finally {
      this.#asking = null;
    }
  }
}
