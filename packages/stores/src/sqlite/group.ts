import type { NewMessage } from "@millrace/engine";
import type { EventEncoder } from "@millrace/protocol";
import { JournalGroup } from "../journal/journal-group.ts";
import type { MessageWrites } from "./message-writes.ts";

/** A group as SQLite writes it: its messages are numbered at once. */
export class Group extends JournalGroup {
  seq: number;
  readonly #messages: MessageWrites;

  constructor(start: { position: number; seq: number }, encoder: EventEncoder, messages: MessageWrites) {
    super(start.position, encoder);
    this.seq = start.seq;
    this.#messages = messages;
  }

  /** Puts a message into its queue; returns its number. */
  enqueue(key: number, message: NewMessage): number {
    this.seq += 1;
    this.#messages.put(this.seq, key, message);
    return this.seq;
  }

  /** Removes a message from its queue; `keep`: it stays, with its payload, to be replayed. */
  settle(seq: number, keep: boolean): void {
    this.#messages.settle(seq, keep);
  }

  /** To be called before a statement that reads or changes messages in any other way. */
  flushMessages(): void {
    this.#messages.flush();
  }
}
