import type { ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

/** How often it is looked, in milliseconds. */
const LOOK_MS = 5;

/** Requests that have had nothing of their answer yet. */
export class Unanswered {
  readonly #responses = new Set<ServerResponse>();

  /** A request has come, which is answered by this; not a stream, whose connection is taken away from it. */
  note(response: ServerResponse): void {
    this.#responses.add(response);
    response.once("close", () => this.#responses.delete(response));
  }

  /** Resolves when all have their answer, or at least its beginning; after `patienceMs` in any case. */
  async answered(patienceMs: number): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline) {
      if (![...this.#responses].some(({ headersSent }) => !headersSent)) return;
      await wait(LOOK_MS);
    }
  }
}
