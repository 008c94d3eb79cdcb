import type { AdapterInfo } from "@millrace/client";
import { client } from "../client.ts";

/** The adapters that are present. */
export const adaptersQuery = {
  queryKey: ["adapters"],
  queryFn: () => client.adapters.list(),
  staleTime: 60_000,
};

/** One adapter by its type. */
export function adapterQuery(type: string) {
  return { queryKey: ["adapters", type], queryFn: () => client.adapters.get(type), staleTime: 60_000 };
}

/** What the categories are called, in the order in which they are listed. */
export const CATEGORIES: Readonly<Record<AdapterInfo["category"], string>> = {
  user: "Your own",
  source: "Sources",
  content: "Content",
  model: "Models",
  flow: "Flow",
  http: "HTTP",
  sink: "Sinks",
  test: "For tests",
};
