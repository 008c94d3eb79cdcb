import type { AdapterInfo, AdapterList, Health, JsonObject, SystemInfo } from "@millrace/protocol";
import { type Api, type CallOptions, segment } from "./request.ts";

/** Calls about the adapters that are present. */
export function adaptersOf(api: Api) {
  return {
    list: (call?: CallOptions): Promise<AdapterList> => api.json("GET", "/api/v1/adapters", call),
    get: (type: string, call?: CallOptions): Promise<AdapterInfo> =>
      api.json("GET", `/api/v1/adapters/${segment(type)}`, call),
  };
}

/** @see adaptersOf */
export type Adapters = ReturnType<typeof adaptersOf>;

/** Calls about the service itself. */
export function systemOf(api: Api) {
  return {
    /** Version, features and limits. */
    info: (call?: CallOptions): Promise<SystemInfo> => api.json("GET", "/api/v1/system/info", call),
    /** Whether the process works. A report that it does not is an answer, and no error. */
    live: (call?: CallOptions): Promise<Health> => api.json("GET", "/health/live", call),
    /** Whether the service can do its work. A report that it cannot is an answer, and no error. */
    ready: (call?: CallOptions): Promise<Health> => api.json("GET", "/health/ready", call),
    /** The OpenAPI 3.1 document of the API. */
    openapi: (call?: CallOptions): Promise<JsonObject> => api.json("GET", "/openapi.json", call),
    /** The JSON Schema of a pipeline's YAML, for editors. */
    pipelineSchema: (call?: CallOptions): Promise<JsonObject> => api.json("GET", "/api/v1/pipeline-schema.json", call),
  };
}

/** @see systemOf */
export type System = ReturnType<typeof systemOf>;
