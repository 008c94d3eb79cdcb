import { setTimeout as wait } from "node:timers/promises";
import { type Frame, readStream } from "./read-stream.ts";

/** A test that has failed must not be outlived by its watchers. */
const WATCHED_MS = 120_000;

/**
 * Follows a stream as a browser does, over as many connections as it takes, each from the last id; returns all that came
 * over them, up to the end of the execution.
 */
export async function watchThroughFaults(url: string): Promise<Frame[]> {
  const seen: Frame[] = [];
  for (const deadline = performance.now() + WATCHED_MS; performance.now() < deadline; ) {
    const cursor = seen.at(-1)?.id;
    try {
      await readStream(url, {
        headers: cursor === undefined ? {} : { "last-event-id": cursor },
        until: (frame) => {
          if (frame.data.reason !== "shutdown") seen.push(frame);
          return false;
        },
      });
      if (seen.at(-1)?.event === "end") return seen;
    } catch {
      // Cut: again, with the cursor.
    }
    await wait(20);
  }
  return seen;
}
