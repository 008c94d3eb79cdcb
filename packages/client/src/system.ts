import type { AdapterInfo, AdapterList, Health, JsonObject, SystemInfo } from "@millrace/protocol";
import { type Api, type CallOptions, segment } from "./request.ts";

/** Calls about the adapters that are present. */
export function adaptersOf(api: Api) {
  return {
    list: (call?: CallOptions) => api.json<AdapterList>("GET", "/api/v1/adapters", call),
    get: (type: string, call?: CallOptions) => api.json<AdapterInfo>("GET", `/api/v1/adapters/${segment(type)}`, call),
  };
}

/** Calls about the service itself. */
export function systemOf(api: Api) {
  return {
    /** Version, features and limits. */
    info: (call?: CallOptions) => api.json<SystemInfo>("GET", "/api/v1/system/info", call),
    /** Whether the process works. A report that it does not is an answer, and no error. */
    live: (call?: CallOptions) => api.json<Health>("GET", "/health/live", call),
    /** Whether the service can do its work. A report that it cannot is an answer, and no error. */
    ready: (call?: CallOptions) => api.json<Health>("GET", "/health/ready", call),
    /** The OpenAPI 3.1 document of the API. */
    openapi: (call?: CallOptions) => api.json<JsonObject>("GET", "/openapi.json", call),
    /** The JSON Schema of a pipeline's YAML, for editors. */
    pipelineSchema: (call?: CallOptions) => api.json<JsonObject>("GET", "/api/v1/pipeline-schema.json", call),
  };
}
