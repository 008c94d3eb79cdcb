import { fetchEventSource } from "@microsoft/fetch-event-source";
import { EventSource } from "eventsource";
import "./browser-globals.ts";

/** What a client does that its user did not tell how to: bare, but for a place to stop. */
export interface Observed {
  /** `id type` of every event, and `message` for one without a type. */
  readonly seen: string[];
  /** `closed`: it has given up, or taken the end for the last. */
  readonly state: "closed" | "stopped";
}

export interface Watching {
  readonly url: string;
  /** It is stopped when it has seen this line. */
  readonly until?: string;
}

/** Watches with an `EventSource` of either kind. Runs in pages as well, so it stands alone. */
export function observeEventSource({ url, until }: Watching): Promise<Observed> {
  return new Promise((resolve) => {
    const seen: string[] = [];
    const source = new EventSource(url);
    const finish = (state: Observed["state"]) => {
      source.close();
      resolve({ seen, state });
    };
    for (const type of ["initiated", "processing", "completed", "failed", "gap", "end", "message", "ping"]) {
      source.addEventListener(type, (event) => {
        // In a page the type is the DOM's own.
        seen.push(`${(event as unknown as { lastEventId: string }).lastEventId} ${type}`);
        if (seen.at(-1) === until) finish("stopped");
      });
    }
    source.addEventListener("error", () => {
      if (source.readyState === source.CLOSED) finish("closed");
    });
  });
}

/** Likewise with `@microsoft/fetch-event-source`; `stop` stops it as well. */
export async function observeFetch({ url, until }: Watching, stop = new AbortController()): Promise<Observed> {
  const seen: string[] = [];
  await fetchEventSource(url, {
    signal: stop.signal,
    openWhenHidden: true,
    onmessage: ({ id, event }) => {
      seen.push(`${id} ${event === "" ? "message" : event}`);
      if (seen.at(-1) === until) stop.abort();
    },
  });
  return { seen, state: stop.signal.aborted ? "stopped" : "closed" };
}

/** How docs/events.md has it. */
export type Watch = (url: string, onEvent: (type: string, data: string, id: string) => void) => Promise<void>;

/** What the user is told of who watches as docs/events.md has it. */
export async function told(watch: Watch, url: string): Promise<string[]> {
  const seen: string[] = [];
  await watch(url, (type, _, id) => {
    seen.push(`${id} ${type}`);
  });
  return seen;
}

/** An `end` is of a stream, the other lines are of the execution. */
export const withoutEnds = (seen: readonly string[]) => seen.filter((line) => !line.endsWith(" end"));
