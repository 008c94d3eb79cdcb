import type { EndEvent } from "../events.ts";

/** Why a stream has to be taken up again. */
export type ReconnectReason =
  /** The service ended it (`end`): it lasted as long as it was asked to, the service stops, the execution is interrupted. */
  | "timeout"
  | "shutdown"
  | "interrupted"
  /** It broke off without an `end`. */
  | "cut"
  /** Nothing came for 45 seconds, though the service sends a heartbeat every 15. */
  | "silent"
  /** The page was shown again, or the network came back, and the connection may not have lived through it. */
  | "woken"
  /** No connection could be made. */
  | "unreachable"
  /** The service, or a proxy before it, refused for the time being (429, 502, 503, 504). */
  | "refused";

/** What a stream is doing, for whoever shows it. */
export type StreamState =
  /** `reason` is null the first time. */
  | { readonly state: "connecting"; readonly reason: ReconnectReason | null }
  | { readonly state: "connected" }
  /** The next attempt is in `ms` milliseconds. */
  | {
      readonly state: "waiting";
      readonly ms: number;
      readonly reason: ReconnectReason;
      readonly error: Error | null;
    }
  /** The last one, always. `end`: the execution is over. `error`: it is what the iterator threw. Neither: it was stopped. */
  | { readonly state: "ended"; readonly end: EndEvent | null; readonly error: Error | null };

/** A connection that has to be made anew, and why. */
export class StreamBroken extends Error {
  override readonly name = "StreamBroken";
  readonly reason: ReconnectReason;

  constructor(reason: ReconnectReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}
