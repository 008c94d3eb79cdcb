import { useEffect, useState } from "react";

/** The state of a run, as `view=progress` sends it; more is in the reference of events. */
export interface Progress {
  readonly status: "running" | "completed" | "failed" | "cancelled" | "interrupted";
  readonly queued: number;
  readonly running: number;
  readonly completed: number;
  readonly failed: number;
  readonly rate: number;
  readonly routes: readonly { readonly route: string; readonly completed: number; readonly failed: number }[];
}

/** What a component is shown. */
export interface Followed {
  /** The newest state; null before the first. */
  readonly progress: Progress | null;
  /** `reconnecting` while the connection is lost, `over` once nothing more can come, `refused` where there is no such run. */
  readonly connection: "connecting" | "live" | "reconnecting" | "over" | "refused";
}

/** Follows a run while the component is mounted; `id` is an execution's id or tag. */
export function useProgress(service: string, id: string): Followed {
  const [followed, setFollowed] = useState<Followed>({ progress: null, connection: "connecting" });
  useEffect(() => {
    setFollowed({ progress: null, connection: "connecting" });
    const change = (what: Partial<Followed>) => setFollowed((before) => ({ ...before, ...what }));
    const source = new EventSource(`${service}/api/v1/executions/${encodeURIComponent(id)}/events?view=progress`);
    source.addEventListener("open", () => change({ connection: "live" }));
    source.addEventListener("progress", (event) => change({ progress: dataOf(event) }));
    source.addEventListener("end", (event) => {
      // Other ends are those of a connection: the browser makes the next one.
      if (!["completed", "failed", "cancelled"].includes(dataOf(event).reason)) return;
      source.close();
      change({ connection: "over" });
    });
    source.addEventListener("error", () => {
      change({ connection: source.readyState === source.CLOSED ? "refused" : "reconnecting" });
    });
    return () => source.close();
  }, [service, id]);
  return followed;
}

// The types of `addEventListener` know no event of a stream: those have data.
const dataOf = (event: Event) => JSON.parse((event as MessageEvent).data);
