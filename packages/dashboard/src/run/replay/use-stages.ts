import { useQuery } from "@tanstack/react-query";
import { client } from "../../client.ts";

/** More routes than pipelines have that are read by people. */
const MOST_FOLDERS = 1_000;

/** The stages that a run has stored objects in, as `route/stage`; undefined while they are looked up, and where that failed. */
export function useStages(runId: string, enabled: boolean): string[] | undefined {
  const { data } = useQuery({ queryKey: ["stages", runId], queryFn: () => readStages(runId), enabled });
  return data;
}

async function readStages(runId: string): Promise<string[]> {
  const root = `executions/${runId}/`;
  const foldersOf = async (prefix: string) =>
    (await client.storage.list({ prefix, delimiter: "/", limit: MOST_FOLDERS })).folders;
  const stages: string[] = [];
  // One after the other: a browser has few connections, and streams take some.
  for (const route of await foldersOf(root)) stages.push(...(await foldersOf(route)));
  return stages.map((key) => key.slice(root.length, -1));
}
