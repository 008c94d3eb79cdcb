import { AdapterError } from "@millrace/engine";
import type { Politeness } from "../http/host-pace.ts";
import type { HttpClient } from "../http/http-client.ts";
import { ALLOW_ALL, type RobotRules, rulesOf } from "./robots-rules.ts";

/** What is read of a robots.txt, in bytes (RFC 9309, 2.5), and how many redirects lead to it (2.3.1.2). */
const MAX_BYTES = 500 * 1024;
const MAX_REDIRECTS = 5;

/** How long one is remembered (RFC 9309, 2.4), and one that could not be had, in milliseconds. */
const KEPT_MS = 24 * 60 * 60 * 1000;
const FAILED_KEPT_MS = 60 * 1000;

/** Hosts whose rules are remembered at most. */
const MAX_HOSTS = 2_000;

interface Kept {
  readonly rules: Promise<RobotRules>;
  until: number;
}

/** The rules of sites for one robot (RFC 9309), each fetched once a day. */
export class RobotsCache {
  readonly #http: HttpClient;
  readonly #userAgent: string;
  readonly #kept = new Map<string, Kept>();

  constructor(http: HttpClient, userAgent: string) {
    this.#http = http;
    this.#userAgent = userAgent;
  }

  /**
   * The rules of the site of a URL.
   * @throws AdapterError ROBOTS_UNREACHABLE, retryable: nothing of the site may be fetched until it says what may
   * @throws the signal's reason
   */
  async of(url: URL, politeness: Politeness, timeoutSeconds: number, signal: AbortSignal): Promise<RobotRules> {
    const now = Date.now();
    const kept = this.#kept.get(url.origin);
    if (kept !== undefined && kept.until > now) {
      try {
        return await kept.rules;
      } catch (error) {
        // Whoever asked first was cancelled: this one was not.
        if (error instanceof AdapterError || signal.aborted) throw error;
      }
    }
    const rules = this.#fetch(url, politeness, timeoutSeconds, signal);
    const entry: Kept = { rules, until: now + KEPT_MS };
    this.#kept.delete(url.origin);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MAX_HOSTS && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(url.origin, entry);
    rules.catch((error) => {
      entry.until = error instanceof AdapterError ? Date.now() + FAILED_KEPT_MS : 0;
    });
    return rules;
  }

  async #fetch(url: URL, politeness: Politeness, timeoutSeconds: number, signal: AbortSignal): Promise<RobotRules> {
    const file = new URL("/robots.txt", url.origin);
    let status: number;
    let text: string;
    try {
      const answer = await this.#http.send({
        url: file,
        method: "GET",
        headers: new Headers({ "user-agent": this.#userAgent }),
        signal,
        timeoutSeconds,
        maxBytes: MAX_BYTES,
        truncate: true,
        maxRedirects: MAX_REDIRECTS,
        politeness,
        wantsBody: (each) => each < 300,
      });
      status = answer.status;
      text = answer.body.toString("utf8");
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      // A circle of redirects is as good as none (2.3.1.2); an address that is refused is refused for the page as well.
      if (error.code === "HTTP_REDIRECT_INVALID") return ALLOW_ALL;
      if (!error.retryable) throw error;
      throw unreachable(file, error.message, error.retryAfterMs);
    }
    // "Too many" is no "there is none".
    if (status >= 500 || status === 429) throw unreachable(file, `It answered ${status}.`, 0);
    if (status >= 300) return ALLOW_ALL;
    return rulesOf(text, robotName(this.#userAgent));
  }
}

/** The name that a site addresses a robot by, in lower case: what stands before the version. */
export function robotName(userAgent: string): string {
  return (/^[^/\s]+/.exec(userAgent)?.[0] ?? "").toLowerCase();
}

function unreachable(file: URL, why: string, retryAfterMs: number): AdapterError {
  const text = `${file.href} cannot be had, so that nothing of this site may be fetched (RFC 9309): ${why}`;
  return new AdapterError("ROBOTS_UNREACHABLE", text, { retryAfterMs });
}
