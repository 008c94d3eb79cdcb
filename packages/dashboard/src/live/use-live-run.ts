import type { ProgressData, StreamState } from "@millrace/client";
import { createContext, use, useState } from "react";
import { client } from "../client.ts";
import { useWhileVisible } from "./use-while-visible.ts";

/** How a run stands, as its progress stream tells it. */
export interface LiveRun {
  /** Null until the first state arrives. */
  readonly progress: ProgressData | null;
  /** What the stream is doing; null while it is given up because the page is not looked at. */
  readonly stream: StreamState | null;
}

const NOTHING: LiveRun = { progress: null, stream: null };

/** Follows a run's progress for as long as the component is shown; one connection, resumed by itself. */
export function useProgressStream(id: string): LiveRun {
  const [live, setLive] = useState<LiveRun>(NOTHING);
  useWhileVisible(async (signal) => {
    const states = client.executions.progress(id, {
      signal,
      onState: (stream) => setLive((before) => ({ ...before, stream: signal.aborted ? null : stream })),
    });
    for await (const progress of states) setLive((before) => ({ ...before, progress }));
  }, id);
  return live;
}

/** The run that a page is about, for all its parts: they share one connection. */
export const LiveRunContext = createContext<LiveRun>(NOTHING);

/** @see LiveRunContext */
export function useLiveRun(): LiveRun {
  return use(LiveRunContext);
}
