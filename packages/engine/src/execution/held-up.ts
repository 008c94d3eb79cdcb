import { isTerminal } from "@millrace/protocol";
import type { ExecutionRecord, Records } from "../ports.ts";

/** Between two looks whether they can be taken up by now, in milliseconds. */
const LOOK_MS = 2_000;

/** What they need. */
export interface HeldUpHost {
  readonly records: Records;
  takeUp(records: readonly ExecutionRecord[]): Promise<void>;
  onFault(error: unknown): void;
}

/**
 * Executions that cannot be taken up for now, as a secret of theirs cannot be had, of a process that is the whole service:
 * it tries again and again. Nodes try again all that they have claimed.
 */
export class HeldUp {
  readonly #host: HeldUpHost;
  readonly #ids = new Set<string>();
  /** Those that are being tried. */
  #trying: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | null = null;
  #stopped = false;

  constructor(host: HeldUpHost) {
    this.#host = host;
  }

  /** It is tried again until it is taken up, over, or removed. */
  add(executionId: string): void {
    this.#ids.add(executionId);
    this.#plan();
  }

  /** Resolves when it is not tried any more, and is not being tried. */
  async remove(executionId: string): Promise<void> {
    if (this.#trying.has(executionId)) await this.#looking;
    this.#ids.delete(executionId);
  }

  /** Tries no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #plan(): void {
    if (this.#stopped || this.#timer !== undefined || this.#looking !== null || this.#ids.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#looking = this.#look()
        .catch((error) => this.#host.onFault(error))
        .finally(() => {
          this.#looking = null;
          this.#trying = new Set();
          this.#plan();
        });
    }, LOOK_MS).unref();
  }

  async #look(): Promise<void> {
    const records: ExecutionRecord[] = [];
    this.#trying = new Set(this.#ids);
    for (const id of this.#trying) {
      const record = await this.#host.records.getExecution(id);
      if (record !== null && !isTerminal(record.status)) records.push(record);
    }
    // Those that cannot be taken up this time either are added again on the way.
    for (const id of this.#trying) this.#ids.delete(id);
    try {
      await this.#host.takeUp(records);
    } catch (error) {
      for (const id of this.#trying) this.#ids.add(id);
      throw error;
    }
  }
}
