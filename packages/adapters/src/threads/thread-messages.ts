import type { TraceHeaders } from "@millrace/engine";
import type { EventError, JsonObject, Usage } from "@millrace/protocol";
import type { AdapterSource } from "../adapter-source.ts";
import type { AdapterGrants } from "../environment.ts";

/** What a thread is started with. */
export interface ThreadData {
  /** One number: lines of the log that the service has not written yet. */
  readonly openLines: Int32Array<SharedArrayBuffer>;
  readonly grants: AdapterGrants;
}

/** A step's message on its way to a thread; payloads cross as JSON, as on their way to another route. */
export interface RunRequest {
  readonly source: AdapterSource;
  /** Names the step of the execution, for what it prepares. */
  readonly stepKey: string;
  readonly configJson: string;
  readonly name: string;
  readonly index: number;
  readonly message: {
    readonly id: string;
    readonly parentId: string | null;
    readonly correlationId: string;
    readonly rootCorrelationId: string;
    readonly executionId: string;
    readonly project: string;
    readonly route: string;
    readonly attempt: number;
    readonly piece: number;
  };
  readonly payloadJson: string;
  readonly maxPayloadBytes: number;
  readonly trace: TraceHeaders | null;
}

/** From the service to a thread. */
export type ToThread =
  /** Begins a step, and asks for its first emits. */
  | { readonly kind: "run"; readonly run: number; readonly request: RunRequest }
  | { readonly kind: "next"; readonly run: number }
  | { readonly kind: "abort"; readonly run: number; readonly name: string; readonly message: string }
  /** Nothing more is wanted; answered by `closed`. */
  | { readonly kind: "close"; readonly run: number }
  /** Nothing is at work: time to let go of what nobody needs. */
  | { readonly kind: "collect" }
  | { readonly kind: "answer"; readonly call: number; readonly value?: unknown; readonly error?: EventError };

/** A payload on its way back; `route` where it was sent to one. */
export interface Emitted {
  readonly json: string;
  readonly route?: string;
}

/** From a thread to the service. */
export type FromThread =
  /** It can begin with what it is sent; the first of all. */
  | { readonly kind: "ready" }
  | {
      readonly kind: "emits";
      readonly run: number;
      readonly emits: readonly Emitted[];
      readonly done: boolean;
      /** What it failed with after these emits. */
      readonly error?: EventError;
      /** The next attempt begins no earlier than so many milliseconds from now. */
      readonly retryAfterMs?: number;
      /** Whether the adapter may be at work still: the thread is not used again. */
      readonly busy?: true;
    }
  | { readonly kind: "closed"; readonly run: number }
  | {
      readonly kind: "log";
      /** Null: of nobody's message any more. */
      readonly run: number | null;
      readonly level: "debug" | "info" | "warn" | "error";
      readonly text: string;
      readonly fields?: JsonObject;
    }
  | { readonly kind: "usage"; readonly run: number; readonly used: Partial<Usage> }
  | { readonly kind: "call"; readonly run: number; readonly call: number; readonly request: ObjectRequest };

/** What is asked of the object store. */
export type ObjectRequest =
  | {
      readonly method: "put";
      readonly key: string;
      readonly body: Uint8Array;
      readonly metadata: { readonly contentType: string; readonly messageId?: string; readonly createdAt: string };
    }
  | { readonly method: "get"; readonly key: string }
  /** Some keys of the list `list`, from where the last call ended; none: it is at its end. */
  | { readonly method: "list"; readonly list: number; readonly prefix: string }
  | { readonly method: "sizeOf"; readonly prefix: string }
  | { readonly method: "deleteAll"; readonly prefix: string };
