import { configsOf } from "./configs.ts";
import { executionsOf } from "./executions.ts";
import { lineageOf } from "./lineage.ts";
import { type ClientOptions, createApi } from "./request.ts";
import { adaptersOf, systemOf } from "./system.ts";

/**
 * A typed client of the Millrace API. Every call rejects with `ApiError`.
 * @throws TypeError where `baseUrl` is no URL
 */
export function createClient(options: ClientOptions = {}) {
  const api = createApi(options);
  return {
    configs: configsOf(api),
    executions: executionsOf(api),
    lineage: lineageOf(api),
    adapters: adaptersOf(api),
    system: systemOf(api),
  };
}

/** @see createClient */
export type Client = ReturnType<typeof createClient>;
