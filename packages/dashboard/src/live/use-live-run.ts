import type { StreamState } from "@millrace/client";
import type { ProgressData } from "@millrace/protocol";
import { createContext, use, useEffect, useState } from "react";
import { client } from "../client.ts";

/** How a run stands, as its progress stream tells it. */
export interface LiveRun {
  /** Null until the first state arrives. */
  readonly progress: ProgressData | null;
  /** What the stream is doing. */
  readonly stream: StreamState;
  /** Why there is no stream, where the service refuses it. */
  readonly error: Error | null;
}

const NOTHING: LiveRun = { progress: null, stream: { state: "connecting" }, error: null };

/** Follows a run's progress for as long as the component is shown; one connection, resumed by itself. */
export function useProgressStream(id: string): LiveRun {
  const [live, setLive] = useState<LiveRun>(NOTHING);
  useEffect(() => {
    setLive(NOTHING);
    const abort = new AbortController();
    const follow = async () => {
      const frames = client.executions.events(id, {
        view: "progress",
        signal: abort.signal,
        onState: (stream) => setLive((before) => ({ ...before, stream })),
      });
      for await (const frame of frames) {
        if (frame.type === "progress") setLive((before) => ({ ...before, progress: frame.data }));
      }
    };
    follow().catch((error: Error) => {
      if (!abort.signal.aborted) setLive((before) => ({ ...before, error }));
    });
    return () => abort.abort();
  }, [id]);
  return live;
}

/** The run that a page is about, for all its parts: they share one connection. */
export const LiveRunContext = createContext<LiveRun>(NOTHING);

/** @see LiveRunContext */
export function useLiveRun(): LiveRun {
  return use(LiveRunContext);
}
