import type {
  LineageFailuresQuery,
  LineageList,
  LineageListQuery,
  LineageNodes,
  LineageRelativesQuery,
  LineageStats,
  LineageStatsQuery,
  LineageStory,
  LineageStoryQuery,
} from "@millrace/protocol";
import { type Api, type CallOptions, segment } from "./request.ts";

const PATH = "/api/v1/lineage";

/** Calls about where messages come from, and what came of them. */
export function lineageOf(api: Api) {
  const one = (id: string) => `${PATH}/${segment(id)}`;
  return {
    /** Stages of messages: an adapter's run in one attempt each. */
    list: (query: LineageListQuery = {}, call?: CallOptions): Promise<LineageList> =>
      api.json("GET", PATH, { query, ...call }),
    /** Stages in which a message failed for good. */
    failures: (query: LineageFailuresQuery = {}, call?: CallOptions): Promise<LineageList> =>
      api.json("GET", `${PATH}/failures`, { query, ...call }),
    stats: (query: LineageStatsQuery = {}, call?: CallOptions): Promise<LineageStats> =>
      api.json("GET", `${PATH}/stats`, { query, ...call }),
    /** A message's whole story. */
    get: (id: string, query: LineageStoryQuery = {}, call?: CallOptions): Promise<LineageStory> =>
      api.json("GET", one(id), { query, ...call }),
    /** What a message comes from, back to its execution's first. */
    chain: (id: string, query: LineageRelativesQuery = {}, call?: CallOptions): Promise<LineageNodes> =>
      api.json("GET", `${one(id)}/chain`, { query, ...call }),
    /** All that came of a message. */
    children: (id: string, query: LineageRelativesQuery = {}, call?: CallOptions): Promise<LineageNodes> =>
      api.json("GET", `${one(id)}/children`, { query, ...call }),
  };
}

/** @see lineageOf */
export type Lineage = ReturnType<typeof lineageOf>;
