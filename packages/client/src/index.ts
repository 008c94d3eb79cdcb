export { ApiError } from "./api-error.ts";
export {
  type Client,
  type ClientOptions,
  createClient,
  type ExecutionQuery,
  type LineageFilters,
  type LineageListQuery,
  type LineagePaging,
  type LineageRelativesQuery,
  type RunOptions,
} from "./client.ts";
export type { EventsOptions, StreamFrame, StreamState } from "./events.ts";
