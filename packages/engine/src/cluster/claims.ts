import { isTerminal } from "@millrace/protocol";
import type { AdapterLog } from "../adapter.ts";
import type { Engine } from "../execution/engine.ts";
import type { NodeRecord, Ownership } from "../ownership-port.ts";
import type { ExecutionRecord, Records } from "../ports.ts";

/** How often it is looked for executions that nobody owns, in milliseconds: those that one is not told of. */
const LOOK_MS = 1_000;

/** Looks after which what others have left is taken, also beyond this node's share. */
const PATIENT_LOOKS = 3;

/** Beyond its share a node takes so many at a look. */
const BEYOND_SHARE = 8;

/** One that could not be taken up is tried again so much later, in milliseconds. */
const HELD_UP_MS = 30_000;
const STORE_FAULT_MS = 1_000;

/** A new execution is left to others where one of them has so many fewer. */
const LEAN = 8;

/** What claims need. */
export interface ClaimsHost {
  readonly engine: Engine;
  readonly ownership: Ownership;
  readonly records: Records;
  readonly log: AdapterLog;
  /** Executions that this node owns at most. */
  readonly maxOwned: number;
  /** Told of executions that are to be taken up here, before they are. Must not throw. */
  claimed(executionIds: readonly string[]): void;
  now(): number;
}

/** An execution that is this node's own and not at work. */
interface Waiting {
  readonly notBefore: number;
  readonly taking: boolean;
}

/**
 * Claims executions that nobody owns, up to this node's share of all that there are, and takes them up.
 *
 * States: *idle* → *looking* (a look at a time; one that is asked for meanwhile follows) → *idle*; and *stopped*.
 */
export class Claims {
  readonly #host: ClaimsHost;
  readonly #waiting = new Map<string, Waiting>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | null = null;
  #again = false;
  #stopped = true;
  /** Looks in a row that left something to claim. */
  #left = 0;
  /** As they were at the last look. */
  #others: readonly NodeRecord[] = [];

  constructor(host: ClaimsHost) {
    this.#host = host;
  }

  /** Executions that are this node's own: at work, or to be taken up. */
  get owned(): number {
    return this.#host.engine.running + this.#waiting.size;
  }

  /** Whether an execution that is started here is to be this node's own. */
  get takesNew(): boolean {
    if (this.#stopped || this.owned >= this.#host.maxOwned) return false;
    return !this.#others.some((node) => node.executions + LEAN < this.owned);
  }

  /** Whether the execution is this node's own and cannot be taken up for now. */
  isHeldUp(executionId: string): boolean {
    return this.#waiting.get(executionId)?.taking === false;
  }

  start(): void {
    this.#stopped = false;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.look();
  }

  /** Looks at once: one was told that there is something. */
  look(): void {
    if (this.#stopped) return;
    if (this.#looking !== null) {
      this.#again = true;
      return;
    }
    this.#looking = this.#look()
      .catch((error) => this.#host.log.warn(`Executions cannot be claimed at present: ${error}`))
      .finally(() => {
        this.#looking = null;
        if (!this.#again) return;
        this.#again = false;
        this.look();
      });
  }

  /** The lease was lost: nothing is this node's own. */
  forget(): void {
    this.#waiting.clear();
  }

  /** Claims nothing more; resolves when what was being claimed is, with what is not at work of this node's own. */
  async stop(): Promise<string[]> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#looking;
    return [...this.#waiting.keys()];
  }

  async #look(): Promise<void> {
    await this.#tryAgain();
    const { ownership, maxOwned } = this.#host;
    const room = maxOwned - this.owned;
    const orphans = await ownership.orphans();
    const nodes = await ownership.nodes();
    this.#others = nodes.filter((node) => node.engine && node.alive && node.id !== ownership.nodeId);
    if (orphans === 0) this.#left = 0;
    if (orphans === 0 || room <= 0 || this.#stopped) return;
    const elsewhere = this.#others.reduce((sum, node) => sum + node.executions, 0);
    const share = Math.ceil((elsewhere + this.owned + orphans) / (this.#others.length + 1)) - this.owned;
    const wanted = this.#left < PATIENT_LOOKS ? share : Math.max(share, BEYOND_SHARE);
    const limit = Math.min(room, wanted);
    const nodeId = ownership.nodeId;
    const claimed = limit <= 0 ? [] : await ownership.claim({ limit });
    this.#left = claimed.length < orphans ? this.#left + 1 : 0;
    if (claimed.length === 0 || ownership.nodeId !== nodeId) return;
    for (const { record, previousOwner } of claimed) {
      const from = previousOwner === null ? "which nobody owned" : `which node ${previousOwner} owned`;
      this.#host.log.info(`Execution ${record.id}, ${from}, is this node's own.`);
    }
    this.#host.claimed(claimed.map(({ record }) => record.id));
    await this.#takeUp(claimed.map(({ record }) => record));
  }

  async #tryAgain(): Promise<void> {
    const now = this.#host.now();
    const due = [...this.#waiting].filter(([, { notBefore, taking }]) => !taking && notBefore <= now);
    const records: ExecutionRecord[] = [];
    for (const [id] of due) {
      const record = await this.#host.records.getExecution(id);
      if (record === null || isTerminal(record.status)) this.#waiting.delete(id);
      else records.push(record);
    }
    if (records.length > 0) await this.#takeUp(records);
  }

  async #takeUp(records: readonly ExecutionRecord[]): Promise<void> {
    const { engine, ownership, log } = this.#host;
    const nodeId = ownership.nodeId;
    for (const { id } of records) this.#waiting.set(id, { notBefore: 0, taking: true });
    let retryMs = HELD_UP_MS;
    try {
      await engine.takeUp(records);
    } catch (error) {
      log.error(`Executions cannot be taken up: ${error instanceof Error ? error.message : error}`);
      retryMs = STORE_FAULT_MS;
    }
    if (ownership.nodeId !== nodeId) {
      // The lease was lost meanwhile: others own what was taken up.
      engine.dropAll();
      return;
    }
    for (const { id } of records) {
      this.#waiting.delete(id);
      if (engine.runs(id)) continue;
      // It is over by now, or another's, or held up.
      const owner = await ownership.ownerOf(id).catch(() => null);
      if (owner !== null && owner.id !== nodeId) continue;
      this.#waiting.set(id, { notBefore: this.#host.now() + retryMs, taking: false });
    }
  }
}
