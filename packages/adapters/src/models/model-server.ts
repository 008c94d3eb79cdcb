import { hash } from "node:crypto";
import { knownSecrets, type Looked, type TraceHeaders } from "@millrace/engine";
import type { AdapterEnvironment } from "../environment.ts";
import type { HttpClient } from "../http/http-client.ts";
import type { ModelFields } from "./model-fields.ts";
import { limiterOf, type ModelLimiter } from "./model-limiter.ts";

/** A server of models, as one step uses it. */
export interface ModelServer {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly model: string;
  /** What the key is called, for errors; the key never stands in one. */
  readonly keyName: string | null;
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
> & { readonly api_key_env?: string | undefined; readonly api_key?: string | undefined };

/**
 * The server of a config, with its key.
 * @throws Error where the key's variable is not there, is not to be read, or holds none
 */
export function modelServer(
  fields: ServerFields,
  { http, variable }: Pick<AdapterEnvironment, "http" | "variable">,
): ModelServer {
  const baseUrl = fields.base_url.replace(/\/+$/, "");
  const { api_key: given, api_key_env: keyEnv } = fields;
  const key = given !== undefined ? checked(given, "api_key") : keyEnv === undefined ? null : readKey(keyEnv, variable);
  return {
    baseUrl,
    model: fields.model,
    keyName: keyEnv ?? (given === undefined ? null : "api_key"),
    key,
    timeoutSeconds: fields.timeout_seconds,
    maxTries: fields.max_tries,
    maxWaitMs: fields.max_wait_seconds * 1000,
    maxInFlight: fields.max_in_flight,
    maxBytes: fields.max_bytes,
    // Limits of a server are those of a key.
    limiter: limiterOf(`${baseUrl} ${key === null ? "" : hash("sha256", key)}`),
    http,
  };
}

/** The value stays out of the error, whatever is wrong with it. */
function readKey(name: string, variable: (name: string) => Looked): string {
  const looked = variable(name);
  if (!("value" in looked) && looked.problem === "hidden") {
    throw new Error(`${looked.message} (api_key_env). ${looked.suggestion.replace(/\.$/, "")}`);
  }
  const key = "value" in looked ? looked.value.trim() : "";
  if (key === "") {
    throw new Error(`The environment variable ${name} (api_key_env) is not set. Set it where the service is started`);
  }
  knownSecrets.add(name, key);
  return checked(key, `The environment variable ${name} (api_key_env)`);
}

function checked(key: string, what: string): string {
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new Error(`${what} holds no key: it has spaces, line breaks or letters beyond ASCII`);
}
