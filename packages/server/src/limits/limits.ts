/** What one caller may have: a credential, or where there is none an address. */
export const LIMIT_NAMES = ["requests", "bytes", "streams", "run_starts", "runs", "attempts"] as const;

/** @see LIMIT_NAMES */
export type LimitName = (typeof LIMIT_NAMES)[number];

/** Why something is refused. */
export interface Refusal {
  readonly limit: LimitName;
  /** When it may be asked for again, in milliseconds. */
  readonly retryAfterMs: number;
}

/** How a caller stands with its requests. */
export interface Standing {
  readonly refusal: Refusal | null;
  /** Requests that it may send at once, and that are left of them; null where they are not counted. */
  readonly requests: { readonly quota: number; readonly left: number; readonly fullInMs: number } | null;
}

/** What holds for all processes of a node: counted in the main process, which workers ask. */
export interface Limits {
  /** A request has come. */
  request(caller: string): Standing | Promise<Standing>;
  /** A stream, or another answer that is waited for, is about to be opened. What is not refused is given back by {@link closed}. */
  open(caller: string): Refusal | null | Promise<Refusal | null>;
  /** @see open */
  closed(caller: string): void;
  /** Bytes have gone to and fro. */
  charge(caller: string, bytes: number): void;
  /** Whether an address has had too many credentials refused, so that none of it is looked at now. */
  attempt(address: string): Refusal | null | Promise<Refusal | null>;
  /** A credential that came from an address was wrong. */
  attemptFailed(address: string): void;
}

/** What the limits are set to; 0 is none. */
export interface LimitSettings {
  readonly limit_requests_per_second: number;
  readonly limit_request_burst: number;
  readonly limit_bytes_per_minute: number;
  readonly limit_streams: number;
  readonly limit_runs: number;
  readonly limit_run_starts_per_minute: number;
  readonly limit_failed_attempts: number;
}
