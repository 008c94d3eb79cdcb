import type { EventType, StreamState } from "@millrace/client";
import type { LogEntry } from "./event-log.ts";

/** Which events of a run are shown. */
export interface LogFilters {
  /** Empty: all. */
  readonly types: readonly EventType[];
  /** Empty: all. */
  readonly routes: readonly string[];
  /** Stands somewhere in the event, in whatever case: a message's id, an error, an adapter. Empty: all. */
  readonly text: string;
}

/** What the page tells the worker that holds its log. */
export type ToLog =
  | { readonly kind: "follow"; readonly baseUrl: string; readonly runId: string; readonly filters: LogFilters }
  /** Goes on where it was. */
  | { readonly kind: "resume" }
  | { readonly kind: "pause" }
  /** Leaves out what has happened, and goes on with what happens now. */
  | { readonly kind: "skip" }
  | { readonly kind: "slice"; readonly request: number; readonly from: number; readonly to: number };

/** What the worker tells the page. */
export type FromLog =
  | {
      readonly kind: "state";
      readonly total: number;
      /** Entries whose index is `total - newest.length` and up. */
      readonly newest: readonly LogEntry[];
      readonly stream: StreamState | null;
      /** Whether what comes now happened a while ago. */
      readonly behind: boolean;
      /** What came before was left out. */
      readonly skipped: boolean;
    }
  | { readonly kind: "slice"; readonly request: number; readonly from: number; readonly entries: readonly LogEntry[] }
  | { readonly kind: "problem"; readonly request: number; readonly message: string };
