import { HttpClient } from "@millrace/adapters";
import { AdapterError, type TraceHeaders } from "@millrace/engine";
import { VERSION } from "../version.ts";

/** What an address answered to a delivery. */
export interface PostAnswer {
  readonly status: number;
  /** What its `Retry-After` says, in seconds; null where it says nothing. */
  readonly retryAfterSeconds: number | null;
}

/** A delivery as it goes over the wire. */
export interface PostRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Where the delivery is in a trace; null: nowhere. */
  readonly trace: TraceHeaders | null;
  /** Breaks it off. */
  readonly signal: AbortSignal;
}

/** Posts a delivery. @throws Error where there is no answer, with why, for a person */
export type Post = (request: PostRequest) => Promise<PostAnswer>;

/** How long an address may take to answer, in milliseconds. */
export const ANSWER_MS = 15_000;

/** Bytes of an answer that would be read: none is. */
const MAX_BYTES = 1024;

/**
 * Posts as adapters do: to public addresses, and to hosts that are allowed. Redirects are not followed, as a delivery is
 * for the address that was named; and what an answer says beside its status and `Retry-After` is not read.
 */
export function postOver(allowHosts: readonly string[], traceHosts: readonly string[]): Post {
  const client = new HttpClient({ allowHosts, traceHosts, userAgent: `Millrace/${VERSION}` });
  return async ({ url, headers, body, signal, trace }) => {
    try {
      const answer = await client.send({
        url: new URL(url),
        method: "POST",
        headers: new Headers({ ...headers, "content-type": "application/json" }),
        body,
        signal,
        trace,
        timeoutSeconds: ANSWER_MS / 1000,
        maxBytes: MAX_BYTES,
        truncate: true,
        maxRedirects: 0,
        // A host that has asked for a pause is not waited for: the delivery's turn comes again.
        maxPauseSeconds: 0,
        wantsBody: () => false,
      });
      return { status: answer.status, retryAfterSeconds: secondsOf(answer.retryAfterMs) };
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      throw new PostError(error.message, {
        isFinal: error.code === "HTTP_ADDRESS_REFUSED",
        // Of a host that has asked for a pause.
        retryAfterSeconds: error.retryAfterMs === 0 ? null : error.retryAfterMs / 1000,
      });
    }
  };
}

/** A delivery was not answered. */
export class PostError extends Error {
  override readonly name = "PostError";
  /** Whether it would not be, however often it is sent: the service may not send there. */
  readonly isFinal: boolean;
  /** How long the host has asked not to be sent anything; null where it has not. */
  readonly retryAfterSeconds: number | null;

  constructor(message: string, options: { readonly isFinal: boolean; readonly retryAfterSeconds: number | null }) {
    super(message);
    this.isFinal = options.isFinal;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

function secondsOf(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}
