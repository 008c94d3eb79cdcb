import type { TraceHeaders } from "@millrace/engine";
import type { HttpClient } from "../http/http-client.ts";
import type { ModelFields } from "./model-fields.ts";
import { limiterOf, type ModelLimiter } from "./model-limiter.ts";

/** A server of models, as one step uses it. */
export interface ModelServer {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly model: string;
  /** The key's variable, for errors; the key never stands in one. */
  readonly keyEnv: string | null;
  readonly key: string | null;
  readonly timeoutSeconds: number;
  readonly maxTries: number;
  readonly maxWaitMs: number;
  readonly maxInFlight: number;
  readonly maxBytes: number;
  readonly limiter: ModelLimiter;
  /** Where the step that asks is in a trace; left out, nowhere. */
  readonly trace?: TraceHeaders | null;
  /** The way to it. */
  readonly http: HttpClient;
}

/** What of a config says which server it is. */
export type ServerFields = Pick<
  ModelFields,
  "base_url" | "model" | "timeout_seconds" | "max_tries" | "max_wait_seconds" | "max_in_flight" | "max_bytes"
> & { readonly api_key_env?: string | undefined };

/**
 * The server of a config, with its key.
 * @throws Error where the key's variable is not there, or holds none
 */
export function modelServer(fields: ServerFields, http: HttpClient, env: NodeJS.ProcessEnv = process.env): ModelServer {
  const baseUrl = fields.base_url.replace(/\/+$/, "");
  const keyEnv = fields.api_key_env ?? null;
  return {
    baseUrl,
    model: fields.model,
    keyEnv,
    key: keyEnv === null ? null : readKey(keyEnv, env),
    timeoutSeconds: fields.timeout_seconds,
    maxTries: fields.max_tries,
    maxWaitMs: fields.max_wait_seconds * 1000,
    maxInFlight: fields.max_in_flight,
    maxBytes: fields.max_bytes,
    limiter: limiterOf(`${baseUrl} ${keyEnv ?? ""}`),
    http,
  };
}

/** The value stays out of the error, whatever is wrong with it. */
function readKey(name: string, env: NodeJS.ProcessEnv): string {
  const key = env[name]?.trim() ?? "";
  if (key === "") {
    throw new Error(`The environment variable ${name} (api_key_env) is not set. Set it where the service is started`);
  }
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new Error(
      `The environment variable ${name} (api_key_env) holds no key: it has spaces, line breaks or letters beyond ASCII`,
    );
  }
  return key;
}
