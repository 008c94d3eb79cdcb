import { type Execution, isTerminal, type ProgressData } from "@millrace/protocol";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { client } from "../client.ts";

/** How runs that are under way stand, by id: one stream tells of all of them. */
export function useLiveRuns(runs: readonly Execution[]): ReadonlyMap<string, ProgressData> {
  const [live, setLive] = useState<ReadonlyMap<string, ProgressData>>(new Map());
  const queries = useQueryClient();
  const ids = runs
    .filter(({ status }) => !isTerminal(status))
    .map(({ id }) => id)
    .sort()
    .join();
  useEffect(() => {
    setLive((before) => new Map([...before].filter(([id]) => ids.includes(id))));
    if (ids === "") return;
    const abort = new AbortController();
    const follow = async () => {
      for await (const frame of client.executions.eventsOf(ids.split(","), { view: "progress", signal: abort.signal })) {
        if (frame.type === "progress") setLive((before) => new Map(before).set(frame.data.execution_id, frame.data));
        // The list tells how long it took, and how it ended.
        if (frame.type === "end") void queries.invalidateQueries({ queryKey: ["runs"] });
      }
    };
    // The list, which is asked for anyway, says what is wrong.
    follow().catch(() => {});
    return () => abort.abort();
  }, [ids, queries]);
  return live;
}
