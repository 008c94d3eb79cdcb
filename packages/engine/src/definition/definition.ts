import type { JsonObject, KeepPayloads } from "@millrace/protocol";
import type { AnyAdapter } from "../adapter.ts";
import type { Expression } from "../expression.ts";
import type { StepRedactor } from "../secrets/step-redactor.ts";

/** How a route handles failures; pipeline defaults applied. */
export interface ErrorHandling {
  readonly maxRetries: number;
  readonly retryDelayMs: number;
  readonly backoff: number;
  readonly maxDelayMs: number;
  readonly jitter: boolean;
  readonly timeoutMs: number;
  readonly onError: "fail" | "continue";
}

/** The limits of one execution; defaults applied. */
export interface Limits {
  readonly maxHandlers: number;
  readonly maxFanoutPending: number;
  readonly maxHops: number;
  /** Null: no limit. */
  readonly maxMessages: number | null;
}

/** What a step that runs in a thread of its own is told there. */
export interface StepInThread {
  /** The configuration before its schema took it: the thread checks it anew, as what a schema returns need not be data. */
  readonly configInput: JsonObject;
}

/** One adapter of a chain, with its configuration validated. */
export interface Step {
  readonly index: number;
  readonly type: string;
  readonly name: string;
  readonly adapter: AnyAdapter;
  /** Whether the pipeline names it by the path of a file, which may change. */
  readonly fromFile: boolean;
  /** As the adapter's schema returned it; `${env:…}` and `${secret:…}` replaced. Never stored, never shown. */
  readonly config: unknown;
  /** Knows the `${secret:…}` in it: they are blacked out in what the step fails with and emits. Null: there is none. */
  readonly redactor: StepRedactor | null;
  /** False: the step is skipped and the message goes on. Null: it always runs. */
  readonly condition: Expression | null;
  /** Null: it runs in the service's own thread. */
  readonly thread: StepInThread | null;
}

/** A route, compiled. */
export interface RouteDefinition {
  /** Its key in the YAML. */
  readonly route: string;
  /** For people. */
  readonly name: string | null;
  readonly description: string | null;
  /** Messages in flight at once: min(prefetch, concurrency). */
  readonly concurrency: number;
  readonly errorHandling: ErrorHandling;
  /** What a thread may keep in memory in which steps of the route run, in MiB. */
  readonly threadHeapMb: number;
  /** Which settled messages of the route keep their payloads. Null: as the service is set. */
  readonly keepPayloads: KeepPayloads | null;
  readonly steps: readonly Step[];
  readonly outbound: readonly string[];
}

/** A pipeline without errors, ready to run. */
export interface Definition {
  readonly name: string | null;
  readonly description: string | null;
  readonly limits: Limits;
  /** In the order of the YAML. */
  readonly routes: readonly RouteDefinition[];
  readonly initMessage: { readonly route: string; readonly payload: JsonObject } | null;
  /** The document as plain JSON, placeholders unreplaced: what a snapshot holds. */
  readonly document: JsonObject;
}
