import type { EventType } from "@millrace/client";
import type { LogFilters } from "./log-messages.ts";

/** The types of events, in the order of a message's life. */
export const EVENT_TYPES: readonly EventType[] = ["initiated", "processing", "completed", "failed"];

/** Which events are shown, as it stands in the page's address. */
export interface EventSearch {
  /** Several, separated by commas. */
  readonly types?: string;
  readonly routes?: string;
  readonly text?: string;
}

/** Reads filters from an address; what is no filter is left out. */
export function readEventSearch(search: Record<string, unknown>): EventSearch {
  return Object.fromEntries(
    ["types", "routes", "text"].flatMap((name) => {
      const value = search[name];
      return value === undefined || value === null || value === "" ? [] : [[name, String(value)]];
    }),
  );
}

/** The filters that an address stands for. */
export function toFilters({ types, routes, text }: EventSearch): LogFilters {
  const chosen = types?.split(",") ?? [];
  return {
    types: EVENT_TYPES.filter((type) => chosen.includes(type)),
    routes: routes?.split(",") ?? [],
    text: text ?? "",
  };
}
