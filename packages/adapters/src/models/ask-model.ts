import { setTimeout as sleep } from "node:timers/promises";
import { AdapterError } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import type { HttpAnswer } from "../http/http-client.ts";
import type { Outcome } from "./model-limiter.ts";
import type { ModelServer } from "./model-server.ts";

/** The first wait before another try, and the longest, in milliseconds. */
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 20_000;

/** Of what a server says about an error, so many characters are shown. */
const SHOWN_CHARACTERS = 300;

/** A failed try: what is said of it, and whether another may help. */
interface Failure {
  readonly error: AdapterError;
  readonly again: boolean;
  /** How long the server asks to wait; the limiter does, for a 429. */
  readonly retryAfterMs: number | null;
}

/**
 * Posts to a server of models, and reads the JSON object that it answers. Waits for its turn; a try that may succeed
 * another time is made again, up to `maxTries`.
 * @throws AdapterError MODEL_UNAVAILABLE, MODEL_TIMEOUT, MODEL_RATE_LIMITED, MODEL_ANSWER_INVALID (retryable),
 * MODEL_UNAUTHORIZED, MODEL_QUOTA_EXCEEDED, MODEL_REFUSED, MODEL_ANSWER_TOO_LARGE, HTTP_ADDRESS_REFUSED (not retryable)
 */
export async function askModel(
  server: ModelServer,
  path: string,
  body: object,
  signal: AbortSignal,
): Promise<JsonObject> {
  const json = JSON.stringify(body);
  for (let tries = 1; ; tries += 1) {
    const end = await server.limiter.take(server.maxInFlight, signal);
    let outcome: Outcome = { kind: "other" };
    let failure: Failure;
    try {
      const answer = await post(server, path, json, signal);
      if (!("again" in answer)) {
        outcome = { kind: "answered" };
        return answer.value;
      }
      failure = answer;
      if (answer.error.code === "MODEL_RATE_LIMITED")
        outcome = { kind: "limited", retryAfterMs: capped(answer, server) };
    } finally {
      end(outcome);
    }
    const tooLong = failure.retryAfterMs !== null && failure.retryAfterMs > server.maxWaitMs;
    if (!failure.again || tries >= server.maxTries || tooLong) throw failure.error;
    // After a 429 the limiter holds back this one and all others.
    if (failure.error.code === "MODEL_RATE_LIMITED") continue;
    await sleep(failure.retryAfterMs ?? delayMs(tries), undefined, { signal });
  }
}

/** A server that asks for longer than anybody waits holds up others only as long as they would wait. */
function capped({ retryAfterMs }: Failure, server: ModelServer): number | null {
  return retryAfterMs === null ? null : Math.min(retryAfterMs, server.maxWaitMs);
}

function delayMs(tries: number): number {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (tries - 1)) * (0.5 + Math.random() / 2);
}

async function post(
  server: ModelServer,
  path: string,
  body: string,
  signal: AbortSignal,
): Promise<Failure | { readonly value: JsonObject }> {
  const headers = new Headers({ "content-type": "application/json", accept: "application/json" });
  if (server.key !== null) headers.set("authorization", `Bearer ${server.key}`);
  try {
    const answer = await server.http.send({
      url: new URL(`${server.baseUrl}${path}`),
      method: "POST",
      headers,
      body,
      signal,
      trace: server.trace ?? null,
      timeoutSeconds: server.timeoutSeconds,
      maxBytes: server.maxBytes,
      // The key is meant for this server alone.
      maxRedirects: 0,
      // The limiter knows better what the server bears: it goes by its key as well.
      paced: false,
    });
    return answer.status < 300 ? parse(server, answer.body) : refusal(server, answer);
  } catch (error) {
    signal.throwIfAborted();
    return unanswered(server, error);
  }
}

/** Why there is no answer that can be read. */
function unanswered(server: ModelServer, error: unknown): Failure {
  const { baseUrl } = server;
  switch (error instanceof AdapterError ? error.code : null) {
    case "HTTP_ADDRESS_REFUSED": {
      const host = new URL(baseUrl).host;
      const text = `${baseUrl} is not asked: ${withoutKey(reasonOf(error), server)}. Whoever runs the service can allow a server of models in its own network, with the setting http_allow_hosts: ["${host}"], or MILLRACE_HTTP_ALLOW_HOSTS=${host}.`;
      return failed("HTTP_ADDRESS_REFUSED", text, false);
    }
    case "HTTP_BODY_TOO_LARGE":
      return failed(
        "MODEL_ANSWER_TOO_LARGE",
        `The answer of ${baseUrl} has more than ${server.maxBytes} bytes (max_bytes).`,
        false,
      );
    case "HTTP_HEADERS_TOO_LARGE":
      return failed("MODEL_ANSWER_TOO_LARGE", `The head of the answer of ${baseUrl} is too large.`, false);
    case "HTTP_ENCODING_INVALID":
      return failed("MODEL_ANSWER_INVALID", `What ${baseUrl} answers cannot be unpacked: ${reasonOf(error)}.`, true);
    case "HTTP_TIMEOUT":
      return failed(
        "MODEL_TIMEOUT",
        `${baseUrl} did not answer within ${server.timeoutSeconds} s (timeout_seconds).`,
        true,
      );
    default:
      return failed("MODEL_UNAVAILABLE", `${baseUrl} cannot be reached: ${withoutKey(reasonOf(error), server)}.`, true);
  }
}

function parse(server: ModelServer, bytes: Buffer): Failure | { readonly value: JsonObject } {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    // What a JSON parser returns is JSON.
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { value: value as JsonObject };
  } catch {
    // Told below.
  }
  return failed("MODEL_ANSWER_INVALID", `What ${server.baseUrl} answers is no JSON object.`, true);
}

function refusal(server: ModelServer, { status, headers, body }: HttpAnswer): Failure {
  const { message, code } = saidOf(body);
  const said = message === "" ? "" : `: ${withoutKey(message, server)}`;
  const retryAfterMs = retryAfterOf(headers);
  const what = `${server.baseUrl} answered ${status} for the model "${server.model}"${said}`;
  if (status === 429 && code === "insufficient_quota")
    return failed("MODEL_QUOTA_EXCEEDED", `${what}. Its account has no quota left.`, false);
  if (status === 429) return failed("MODEL_RATE_LIMITED", ended(what), true, retryAfterMs);
  if (status === 401 || status === 403) {
    const key =
      server.keyName === null
        ? "Name the variable with its key in api_key_env."
        : `Is the key in ${server.keyName} right?`;
    return failed("MODEL_UNAUTHORIZED", `${ended(what)} ${key}`, false);
  }
  if (status === 408 || status === 425 || status >= 500)
    return failed("MODEL_UNAVAILABLE", ended(what), true, retryAfterMs);
  return failed("MODEL_REFUSED", ended(what), false);
}

function failed(code: string, message: string, again: boolean, retryAfterMs: number | null = null): Failure {
  return { error: new AdapterError(code, message, { retryable: again }), again, retryAfterMs };
}

function ended(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** What an error says, in the protocol's shape or as plain text. */
function saidOf(bytes: Buffer): { readonly message: string; readonly code: unknown } {
  const text = bytes.subarray(0, 64 * 1024).toString("utf8");
  try {
    const { error } = JSON.parse(text);
    if (typeof error === "string") return { message: shorten(error), code: null };
    return {
      message: typeof error?.message === "string" ? shorten(error.message) : "",
      code: error?.code ?? error?.type,
    };
  } catch {
    return { message: /^\s*</.test(text) ? "" : shorten(text), code: null };
  }
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= SHOWN_CHARACTERS ? line : `${line.slice(0, SHOWN_CHARACTERS)}…`;
}

/** A server may say the key that it did not like, and events are read by whoever may watch. */
function withoutKey(text: string, { key }: ModelServer): string {
  return key === null ? text : text.replaceAll(key, "***");
}

/** Milliseconds, from whichever header says it; null where none does. */
function retryAfterOf(headers: Headers): number | null {
  const inMs = Number(headers.get("retry-after-ms") ?? Number.NaN);
  if (Number.isFinite(inMs) && inMs >= 0) return inMs;
  const text = headers.get("retry-after")?.trim();
  if (text === undefined || text === "") return null;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}

/** The innermost reason: what is around it says the URL once more. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  return (inner instanceof Error && inner.message !== "" ? reasonOf(inner) : error.message).replace(/\.$/, "");
}
