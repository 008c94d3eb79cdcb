import type {
  ClaimedExecution,
  Committed,
  ExecutionRecord,
  FirstMessages,
  Journal,
  NewExecution,
  NewExecutionOptions,
  NewMessage,
  NodeRecord,
  Ownership,
  Records,
  Transition,
} from "@millrace/engine";
import { isTerminal, MillraceError } from "@millrace/protocol";
import { v7 } from "uuid";

/** Who owns what, of nodes that share one store in one process. */
export class SharedOwnership {
  readonly #records: Records;
  readonly #owners = new Map<string, string>();
  readonly #nodes = new Map<string, { name: string; engine: boolean; alive: boolean }>();

  constructor(records: Records) {
    this.#records = records;
  }

  join(name: string, engine: boolean): string {
    const id = `${name}-${v7()}`;
    this.#nodes.set(id, { name, engine, alive: true });
    return id;
  }

  /** The node's lease runs out, whether it notices or not. */
  expire(nodeId: string): void {
    const node = this.#nodes.get(nodeId);
    if (node !== undefined) node.alive = false;
  }

  ownerOf(executionId: string): string | null {
    return this.#owners.get(executionId) ?? null;
  }

  own(executionId: string, nodeId: string | null): void {
    if (nodeId === null) this.#owners.delete(executionId);
    else this.#owners.set(executionId, nodeId);
  }

  nodes(): NodeRecord[] {
    return [...this.#nodes].map(([id, { name, engine, alive }]) => ({
      id,
      name,
      version: "0",
      engine,
      startedAt: "2026-01-01T00:00:00.000Z",
      alive,
      executions: [...this.#owners.values()].filter((owner) => owner === id).length,
    }));
  }

  async orphans(): Promise<ExecutionRecord[]> {
    const unfinished = await this.#records.unfinishedExecutions();
    return unfinished.filter(({ id }) => !this.#nodes.get(this.#owners.get(id) ?? "")?.alive);
  }

  /** @throws MillraceError EXECUTION_MOVED */
  async check(executionId: string, nodeId: string): Promise<void> {
    if (this.#owners.get(executionId) === nodeId) return;
    const found = await this.#records.findExecution(executionId);
    if (found === null || isTerminal(found.status)) return;
    throw new MillraceError("EXECUTION_MOVED", "Another node works on it.");
  }

  forgetOver(executionId: string): void {
    this.#owners.delete(executionId);
  }
}

/** One node's part of it. */
export class NodeOwnership implements Ownership {
  nodeId: string;
  readonly leaseMs = 1_000;
  readonly #shared: SharedOwnership;
  readonly #name: string;
  readonly #engine: boolean;
  readonly #onLost = new Set<() => void>();

  constructor(shared: SharedOwnership, name: string, engine: boolean) {
    this.#shared = shared;
    this.#name = name;
    this.#engine = engine;
    this.nodeId = shared.join(name, engine);
  }

  onLost(listener: () => void): () => void {
    this.#onLost.add(listener);
    return () => this.#onLost.delete(listener);
  }

  /** The node notices that its lease has run out. */
  lose(): void {
    this.#shared.expire(this.nodeId);
    this.nodeId = this.#shared.join(this.#name, this.#engine);
    for (const listener of this.#onLost) listener();
  }

  async claim({ limit, ids }: { limit: number; ids?: readonly string[] }): Promise<ClaimedExecution[]> {
    const orphans = (await this.#shared.orphans()).filter(({ id }) => ids === undefined || ids.includes(id));
    return orphans.slice(0, limit).map((record) => {
      const previousOwner = this.#shared.ownerOf(record.id);
      this.#shared.own(record.id, this.nodeId);
      return { record, previousOwner };
    });
  }

  async release(executionIds: readonly string[]): Promise<void> {
    for (const id of executionIds) if (this.#shared.ownerOf(id) === this.nodeId) this.#shared.own(id, null);
  }

  async ownerOf(executionId: string): Promise<NodeRecord | null> {
    const owner = this.#shared.ownerOf(executionId);
    return this.#shared.nodes().find(({ id }) => id === owner) ?? null;
  }

  async orphans(): Promise<number> {
    return (await this.#shared.orphans()).length;
  }

  async nodes(): Promise<NodeRecord[]> {
    return this.#shared.nodes();
  }

  async leave(): Promise<void> {
    for (const { id } of await this.#shared.orphans()) await this.release([id]);
    this.#shared.expire(this.nodeId);
  }
}

/** A journal that refuses what another node owns; one of a node that is dead takes nothing any more. */
export function fencedJournal(
  journal: Journal,
  shared: SharedOwnership,
  own: Ownership,
  isDead: () => boolean,
): Journal {
  const fenced: Pick<Journal, "append"> = {
    append(transition: Transition): Promise<Committed> {
      if (isDead()) return new Promise(() => {});
      const nodeId = own.nodeId;
      if (shared.ownerOf(transition.executionId) !== nodeId) {
        return shared.check(transition.executionId, nodeId).then(() => journal.append(transition));
      }
      const committed = journal.append(transition);
      if (transition.lifecycle?.kind === "ended") {
        return committed.then((done) => {
          shared.forgetOver(transition.executionId);
          return done;
        });
      }
      return committed;
    },
  };
  return over(journal, fenced);
}

/** Records that note who owns a new execution. */
export function ownedRecords(records: Records, shared: SharedOwnership, own: Ownership): Records {
  const owned: Pick<Records, "createExecution"> = {
    async createExecution(
      execution: NewExecution,
      first: NewMessage | FirstMessages | null,
      { owned = true, maxUnfinished }: NewExecutionOptions = {},
    ) {
      if (maxUnfinished !== undefined && (await records.unfinishedExecutions()).length >= maxUnfinished) {
        throw new MillraceError("TOO_MANY_EXECUTIONS", "As many as are allowed are unfinished.");
      }
      if (owned) shared.own(execution.id, own.nodeId);
      const done = await records.createExecution(execution, first);
      if (!done.created) shared.forgetOver(execution.id);
      return done;
    },
  };
  return over(records, owned);
}

/** `port`, with some of its methods replaced. */
function over<T extends object>(port: T, methods: Partial<T>): T {
  return new Proxy(port, {
    get(target, name) {
      const own = Reflect.get(methods, name);
      if (own !== undefined) return own;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
