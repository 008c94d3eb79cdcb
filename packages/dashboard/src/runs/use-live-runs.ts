import { type Execution, isTerminal, type ProgressData } from "@millrace/client";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../client.ts";
import { useWhileVisible } from "../live/use-while-visible.ts";

/** How runs that are under way stand, by id: one stream tells of all of them. */
export function useLiveRuns(runs: readonly Execution[]): ReadonlyMap<string, ProgressData> {
  const [live, setLive] = useState<ReadonlyMap<string, ProgressData>>(new Map());
  const queries = useQueryClient();
  const ids = runs
    .filter(({ status }) => !isTerminal(status))
    .map(({ id }) => id)
    .sort();
  useWhileVisible(async (signal) => {
    setLive((before) => new Map([...before].filter(([id]) => ids.includes(id))));
    if (ids.length === 0) return;
    for await (const progress of client.executions.progressOf(ids, { signal })) {
      setLive((before) => new Map(before).set(progress.execution_id, progress));
      // The list tells how long it took, and how it ended.
      if (isTerminal(progress.status)) void queries.invalidateQueries({ queryKey: ["runs"] });
    }
  }, ids.join());
  return live;
}
