import type { FirstMessages, Ids, KeptMessage, MessageCopy, NewMessage } from "@millrace/engine";
import { type JsonObject, MAX_REPLAYED_MESSAGES, MillraceError, type replaySchema } from "@millrace/protocol";
import type { z } from "zod";

/** What is asked for. */
export type Replay = z.output<typeof replaySchema>;

/** What a replay begins with, and what there is to say of it. */
export interface Source {
  readonly first: FirstMessages;
  readonly notes: JsonObject;
}

/** A replay begins with so many messages at most that pass through memory. */
const MAX_NEW_MESSAGES = 10_000;

/** And with so many bytes of payloads: all of it is one commit. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The messages of a replay while they are gathered, within what one may begin with. */
export class Collected {
  readonly #messages: NewMessage[] = [];
  readonly #copies: MessageCopy[] = [];
  readonly #executionId: string;
  readonly #route: string;
  readonly #ids: Ids;
  readonly #maxPayloadBytes: number;
  /** Of the very first message: it is the execution's root. */
  #root: string | null;
  #bytes = 0;

  constructor(options: {
    /** Of what is replayed. */
    readonly executionId: string;
    readonly route: string;
    readonly root: string;
    readonly ids: Ids;
    readonly maxPayloadBytes: number;
  }) {
    this.#executionId = options.executionId;
    this.#route = options.route;
    this.#root = options.root;
    this.#ids = options.ids;
    this.#maxPayloadBytes = options.maxPayloadBytes;
  }

  get size(): number {
    return this.#messages.length + this.#copies.length;
  }

  /** @throws MillraceError PAYLOAD_TOO_LARGE, TOO_MANY_MESSAGES */
  add(payload: JsonObject): void {
    const payloadJson = JSON.stringify(payload);
    const bytes = Buffer.byteLength(payloadJson);
    if (bytes > this.#maxPayloadBytes) {
      const which = typeof payload.object_key === "string" ? ` (${payload.object_key})` : "";
      throw new MillraceError(
        "PAYLOAD_TOO_LARGE",
        `A payload${which} has ${bytes} bytes; max_payload_bytes is ${this.#maxPayloadBytes}.`,
      );
    }
    this.#count(bytes, MAX_NEW_MESSAGES, "Narrow it down, with from_path, and replay the rest after it.");
    this.#messages.push({ id: this.#nextId(), parentId: null, route: this.#route, payloadJson, hops: 0 });
  }

  /** A message whose payload stays in the store. @throws MillraceError TOO_MANY_MESSAGES */
  copy({ seq, payloadBytes }: KeptMessage): void {
    const parts = `Replay them in parts: the first ${this.size} fit, as limit: ${this.size}, then those after them, with offset.`;
    this.#count(payloadBytes, MAX_REPLAYED_MESSAGES, parts);
    this.#copies.push({ seq, id: this.#nextId(), route: this.#route, payloadJson: null });
  }

  source(notes: JsonObject = {}): Source {
    const copiedFrom = this.#executionId;
    return { first: { messages: this.#messages, copies: this.#copies, copiedFrom, markRetried: false }, notes };
  }

  #nextId(): string {
    const id = this.#root ?? this.#ids.uuid();
    this.#root = null;
    return id;
  }

  #count(bytes: number, most: number, advice: string): void {
    this.#bytes += bytes;
    if (this.size < most && this.#bytes <= MAX_BYTES) return;
    throw new MillraceError(
      "TOO_MANY_MESSAGES",
      `A replay begins with at most ${most} messages and ${MAX_BYTES / 1024 / 1024} MiB of payloads. ${advice}`,
    );
  }
}
