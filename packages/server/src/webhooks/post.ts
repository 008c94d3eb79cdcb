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
  /** Breaks it off. */
  readonly signal: AbortSignal;
}

/** Posts a delivery. @throws Error where there is no answer, with why, for a person */
export type Post = (request: PostRequest) => Promise<PostAnswer>;

/** How long an address may take to answer, in milliseconds. */
export const ANSWER_MS = 15_000;

/** Posts over HTTP. What an answer says beside its status and `Retry-After` is not read; redirects are not followed. */
export const post: Post = async ({ url, headers, body, signal }) => {
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json", "user-agent": `Millrace/${VERSION}` },
      body,
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    });
  } catch (error) {
    throw new Error(reasonOf(error));
  }
  await response.body?.cancel().catch(() => undefined);
  return { status: response.status, retryAfterSeconds: retryAfter(response.headers.get("retry-after")) };
};

function retryAfter(header: string | null): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, (at - Date.now()) / 1000);
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${ANSWER_MS / 1000} s`;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
