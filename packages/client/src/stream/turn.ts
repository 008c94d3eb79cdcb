/** A turn of the event loop that lasts longer than this is felt: half of a frame at 60 a second. */
const TURN_MS = 8;

/**
 * Lets others have the event loop. What a stream has at hand is handed out by promises alone, and a chain of promises
 * keeps timers, input and painting waiting for as long as there is more.
 */
export class Turn {
  #since = performance.now();

  /** Whether this turn has lasted long enough. */
  get isOver(): boolean {
    return performance.now() - this.#since > TURN_MS;
  }

  /** Resolves in a turn of its own. */
  async next(): Promise<void> {
    await new Promise<void>(laterOf);
    this.#since = performance.now();
  }
}

/** A timer would be held back by browsers, and a continuation of the scheduler's comes before painting. */
function laterOf(resolve: () => void): void {
  if (typeof setImmediate === "function") {
    setImmediate(resolve);
    return;
  }
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    resolve();
  };
  port2.postMessage(null);
}
