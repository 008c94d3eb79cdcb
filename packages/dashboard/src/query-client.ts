import { ApiError } from "@millrace/client";
import { QueryClient } from "@tanstack/react-query";

/**
 * What pages have asked for, kept between them. An answer that says no is final; a service that does not answer, or is
 * busy, is asked again.
 */
export const queryClient = new QueryClient({
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

function isPassing(error: Error): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 502);
}
