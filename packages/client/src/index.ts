export { ApiError } from "./api-error.ts";
export { type Client, type ClientOptions, createClient, type ExecutionQuery, type RunOptions } from "./client.ts";
export type { EventsOptions, StreamFrame, StreamState } from "./events.ts";
