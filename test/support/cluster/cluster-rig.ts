import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type AdapterLog,
  ClusterExecutions,
  type ClusterSettings,
  type Definition,
  eventsOf,
  type StartExecution,
} from "@millrace/engine";
import type { ExecutionEvent } from "@millrace/protocol";
import { openSqliteStore, type SqliteStore } from "@millrace/stores";
import { v7 } from "uuid";
import { type BusEnd, InProcessBus } from "./in-process-bus.ts";
import { InProcessTasks } from "./in-process-tasks.ts";
import { SharedObjects } from "./shared-objects.ts";
import { fencedJournal, NodeOwnership, ownedRecords, SharedOwnership } from "./shared-ownership.ts";

/** A node of the rig. */
export interface RigNode {
  readonly name: string;
  readonly executions: ClusterExecutions;
  readonly ownership: NodeOwnership;
  readonly bus: BusEnd;
  /** Dies without a word; nothing that it still does counts. */
  kill(): void;
  /** Nothing gets through to it, and its lease runs out without its noticing. */
  freeze(): void;
  /** It is let go again: what it had on its way it still tries, then it notices. */
  letGo(): void;
}

/** Nodes of one service over one SQLite file, in one process. */
export class ClusterRig {
  readonly dir = mkdtempSync(join(tmpdir(), "millrace-cluster-"));
  readonly store: SqliteStore = openSqliteStore(this.dir, { durability: "normal" });
  readonly shared = new SharedOwnership(this.store.records);
  readonly buses = new InProcessBus();
  readonly tasks = new InProcessTasks();
  readonly nodes: RigNode[] = [];
  readonly objects = new SharedObjects();
  readonly faults: string[] = [];
  readonly #definitions = new Map<string, Definition>();

  /** A node joins. */
  join(name: string, settings: Partial<ClusterSettings> = {}): RigNode {
    const { store, shared } = this;
    const ownership = new NodeOwnership(shared, name, settings.engine ?? true);
    const bus = this.buses.end();
    let dead = false;
    const log = (text: string) => {
      if (!dead) this.faults.push(`${name}: ${text}`);
    };
    const silent: AdapterLog = { debug() {}, info() {}, warn() {}, error: log };
    const executions = new ClusterExecutions(
      {
        journal: fencedJournal(store.journal, shared, ownership, () => dead),
        work: store.work,
        failures: store.failures,
        records: ownedRecords(store.records, shared, ownership),
        objects: this.objects,
        ownership,
        bus,
        tasks: this.tasks.end(() => !dead && bus.connected),
        clock: { now: Date.now },
        ids: { uuid: v7 },
        loadDefinition: async (yaml) => ({
          definition: this.#definitions.get(`${name} ${yaml}`) ?? this.#definitions.get(yaml) ?? null,
          report: { is_valid: true, issues: [], error_count: 0, warning_count: 0 },
        }),
        log: () => silent,
      },
      {
        engine: true,
        maxOwned: 100,
        maxExecutions: 100,
        maxPayloadBytes: 1_000_000,
        maxEmitsPerStep: 1_000_000,
        keepPayloads: "all",
        abandonAfterMs: 50,
        interruptedAfterMs: 500,
        aliveEveryMs: 100,
        ...settings,
      },
    );
    const node: RigNode = {
      name,
      executions,
      ownership,
      bus,
      kill: () => {
        dead = true;
        bus.connect(false);
        shared.expire(ownership.nodeId);
      },
      freeze: () => {
        bus.connect(false);
        shared.expire(ownership.nodeId);
      },
      letGo: () => {
        bus.connect(true);
        ownership.lose();
      },
    };
    executions.open();
    this.nodes.push(node);
    return node;
  }

  /** Starts an execution by way of a node. `of`: definitions by the name of the node that runs it, where they differ. */
  async run(
    node: RigNode,
    definition: Definition,
    input: Partial<StartExecution> = {},
    of: Readonly<Record<string, Definition>> = {},
  ): Promise<string> {
    const configYaml = `by hand ${this.#definitions.size}`;
    this.#definitions.set(configYaml, definition);
    for (const [name, own] of Object.entries(of)) this.#definitions.set(`${name} ${configYaml}`, own);
    const { record } = await node.executions.start({
      definition: of[node.name] ?? definition,
      configYaml,
      config: null,
      project: "default",
      ...input,
    });
    return record.id;
  }

  owner(executionId: string): string | undefined {
    const id = this.shared.ownerOf(executionId);
    return this.nodes.find(({ ownership }) => ownership.nodeId === id)?.name;
  }

  async status(executionId: string): Promise<string> {
    return (await this.store.records.getExecution(executionId))?.status ?? "none";
  }

  async events(executionId: string): Promise<ExecutionEvent[]> {
    const entries = await this.store.journal.read([executionId], 0, Number.POSITIVE_INFINITY);
    return entries.flatMap((entry) => [...eventsOf(entry)]);
  }

  async lifecycle(executionId: string): Promise<string[]> {
    const entries = await this.store.journal.read([executionId], 0, Number.POSITIVE_INFINITY);
    return entries.flatMap((entry) => (entry.kind === "lifecycle" ? [entry.lifecycle.kind] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map(({ executions }) => executions.close(0)));
    this.store.close();
    rmSync(this.dir, { recursive: true });
  }
}
