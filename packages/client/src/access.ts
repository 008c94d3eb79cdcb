import type {
  ApiKey,
  ApiKeyList,
  ApiKeyListQuery,
  ApiKeyWithSecret,
  AuditList,
  AuditQuery,
  CreateApiKey,
  RotateApiKey,
} from "@millrace/protocol";
import { type Api, type CallOptions, segment } from "./request.ts";

const KEYS = "/api/v1/keys";

/** Calls about API keys; they need the scope `admin`. */
export function keysOf(api: Api) {
  const one = (id: string) => `${KEYS}/${segment(id)}`;
  return {
    /** The newest first. */
    list: (query: ApiKeyListQuery = {}, call?: CallOptions): Promise<ApiKeyList> =>
      api.json("GET", KEYS, { query, ...call }),
    get: (id: string, call?: CallOptions): Promise<ApiKey> => api.json("GET", one(id), call),
    /** The answer alone has the key itself, as `secret`. */
    create: (body: CreateApiKey, call?: CallOptions): Promise<ApiKeyWithSecret> =>
      api.json("POST", KEYS, { body, ...call }),
    /** Makes a key that takes another's place; the other is good for a while more. */
    rotate: (id: string, body: RotateApiKey = {}, call?: CallOptions): Promise<ApiKeyWithSecret> =>
      api.json("POST", `${one(id)}/rotate`, { body, ...call }),
    revoke: (id: string, call?: CallOptions): Promise<void> => api.json("DELETE", one(id), call),
  };
}

/** @see keysOf */
export type KeysClient = ReturnType<typeof keysOf>;

/** Who did what, the newest first; it needs the scope `admin`. */
export function auditOf(api: Api) {
  return {
    list: (query: AuditQuery = {}, call?: CallOptions): Promise<AuditList> =>
      api.json("GET", "/api/v1/audit", { query, ...call }),
  };
}

/** @see auditOf */
export type AuditClient = ReturnType<typeof auditOf>;
