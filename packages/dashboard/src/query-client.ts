import { ApiError } from "@millrace/client";
import { type Query, QueryCache, QueryClient } from "@tanstack/react-query";
import { client } from "./client.ts";

/** How often a service that did not answer is looked for, in milliseconds. */
const LOOK_EVERY_MS = 3_000;

/**
 * What pages have asked for, kept between them. An answer that says no is final; a service that does not answer, or is
 * busy, is asked again: at once a few times, and then as soon as it is back, however long that takes.
 */
export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onError(error, query) {
      if (isPassing(error)) askAgain(query);
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      retry: (failures, error) => failures < 3 && isPassing(error),
      // The browser's own idea of being online is wrong for a service on the same machine.
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

/** Whether asking again later may help, with nothing else done. */
export function isPassing(error: Error): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 502);
}

/** Which were not answered. */
const unanswered = new Set<Query<unknown, unknown, unknown>>();

/** One look at the service for all of them; what is shown stays until it answers. */
function askAgain(query: Query<unknown, unknown, unknown>): void {
  unanswered.add(query);
  if (unanswered.size === 1) setTimeout(look, LOOK_EVERY_MS);
}

async function look(): Promise<void> {
  try {
    await client.system.live();
  } catch {
    setTimeout(look, LOOK_EVERY_MS);
    return;
  }
  const queries = [...unanswered];
  unanswered.clear();
  for (const query of queries)
    if (query.isActive() && query.state.status === "error") void query.fetch().catch(() => {});
}
