import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  type AdapterLog,
  type AnyAdapter,
  type Definition,
  Engine,
  type EngineSettings,
  eventsOf,
  type Journal,
  type ObjectStore,
  type RouteDefinition,
  type StartExecution,
  type WorkQueue,
} from "@millrace/engine";
import { type ExecutionEvent, type JsonObject, MillraceError } from "@millrace/protocol";
import { openSqliteStore, type SqliteStore } from "@millrace/stores";
import { v7 } from "uuid";

/** A route of a definition made by hand; what is left out has the YAML's defaults, but retries at once. */
export interface RouteInput {
  steps: { adapter: AnyAdapter; config?: unknown; when?: Definition["routes"][number]["steps"][number]["condition"] }[];
  outbound?: string[];
  concurrency?: number;
  errorHandling?: Partial<RouteDefinition["errorHandling"]>;
  keepPayloads?: RouteDefinition["keepPayloads"];
}

/** Makes a definition without YAML. The first route takes the first message. */
export function define(
  routes: Record<string, RouteInput>,
  payload: JsonObject = {},
  limits: Partial<Definition["limits"]> = {},
): Definition {
  const [first] = Object.keys(routes);
  return {
    name: "by hand",
    description: null,
    limits: { maxHandlers: 30, maxFanoutPending: 500, maxHops: 1000, maxMessages: null, ...limits },
    routes: Object.entries(routes).map(([route, input]) => ({
      route,
      name: null,
      description: null,
      concurrency: input.concurrency ?? 1,
      errorHandling: {
        maxRetries: 3,
        retryDelayMs: 1,
        backoff: 1,
        maxDelayMs: 5,
        jitter: false,
        timeoutMs: 5_000,
        onError: "fail" as const,
        ...input.errorHandling,
      },
      threadHeapMb: 256,
      keepPayloads: input.keepPayloads ?? null,
      steps: input.steps.map(({ adapter, config, when }, index) => ({
        index,
        type: adapter.type,
        name: adapter.type,
        adapter,
        config: config ?? {},
        fromFile: false,
        redactor: null,
        condition: when ?? null,
        thread: null,
      })),
      outbound: input.outbound ?? [],
    })),
    initMessage: first === undefined ? null : { route: first, payload },
    document: {},
  };
}

const SILENT: AdapterLog = { debug() {}, info() {}, warn() {}, error() {} };

const NO_OBJECTS: ObjectStore = {
  put: () => Promise.reject(new Error("no objects in this rig")),
  get: () => Promise.resolve(null),
  async *list() {},
  deleteAll: () => Promise.resolve(),
  sizeOf: () => Promise.resolve(0),
};

/**
 * What a power cut does to the log of commits: it is cut off at a place, or what is behind the place never got to the
 * disk. `kept` is how much of the log is whole, from 0 to 1.
 */
export interface Damage {
  readonly kind: "cut off" | "torn";
  readonly kept: number;
}

function damageLog(file: string, { kind, kept }: Damage): void {
  if (!existsSync(file)) return;
  const bytes = readFileSync(file);
  const whole = Math.floor(bytes.length * kept);
  writeFileSync(file, kind === "cut off" ? bytes.subarray(0, whole) : bytes.fill(0xa5, whole));
}

/** An engine over a real SQLite file, which can die and be opened again. */
export class Rig {
  dir = mkdtempSync(join(tmpdir(), "millrace-engine-"));
  readonly settings: Partial<EngineSettings>;
  store: SqliteStore;
  engine: Engine;
  readonly faults: string[] = [];
  /** How far the engine's clock is off, in milliseconds: set it, and the clock jumps. */
  clockOffsetMs = 0;
  readonly #definitions = new Map<string, Definition>();
  /** Stored configs by their names, for steps that run one. */
  readonly configs = new Map<string, Definition>();

  readonly #journalOf: (store: SqliteStore) => Journal;
  readonly #workOf: (store: SqliteStore) => WorkQueue;

  /** `journalOf` and `workOf` stand between the engine and the store, for faults that no disk makes. */
  constructor(
    settings: Partial<EngineSettings> = {},
    journalOf: (store: SqliteStore) => Journal = (store) => store.journal,
    workOf: (store: SqliteStore) => WorkQueue = (store) => store.work,
  ) {
    this.settings = settings;
    this.#journalOf = journalOf;
    this.#workOf = workOf;
    this.store = openSqliteStore(this.dir, { durability: "normal" });
    this.engine = this.#open();
  }

  async run(definition: Definition, input: Partial<StartExecution> = {}): Promise<string> {
    const configYaml = `by hand ${this.#definitions.size}`;
    this.#definitions.set(configYaml, definition);
    const { record } = await this.engine.start({ definition, configYaml, config: null, project: "default", ...input });
    return record.id;
  }

  /** Runs to the end, and returns the journal. */
  async complete(
    definition: Definition,
    input: Partial<StartExecution> = {},
  ): Promise<{ id: string; events: ExecutionEvent[]; status: string }> {
    const id = await this.run(definition, input);
    if (!(await this.engine.wait(id, 30_000))) throw new Error("the execution does not end");
    return { id, events: await this.events(id), status: await this.status(id) };
  }

  /** Moves all that is committed from the log into the file proper, where no damage to the log reaches it. */
  checkpoint(): void {
    const database = new DatabaseSync(join(this.dir, "millrace.db"));
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
  }

  async events(id: string): Promise<ExecutionEvent[]> {
    const entries = await this.store.journal.read([id], 0, Number.POSITIVE_INFINITY);
    return entries.flatMap((entry) => [...eventsOf(entry)]);
  }

  async status(id: string): Promise<string> {
    return (await this.store.records.getExecution(id))?.status ?? "none";
  }

  /** Is closed with messages in flight, as by a shutdown that waits for none of them, and opens again. */
  async reopen(): Promise<void> {
    await this.engine.close(0);
    this.store.close();
    await this.#openAgain();
  }

  /**
   * Goes down as a killed process does, right after so many more commits, and is opened again from the files as they
   * were then: what waits for the next commit is lost, and nothing is closed. False where an execution ended before.
   */
  crashAfter(commits: number, damage?: Damage): Promise<boolean> {
    const { journal } = this.store;
    return new Promise((resolve, reject) => {
      let left = commits;
      const stop = journal.onCommit((entries) => {
        left -= 1;
        if (left > 0) {
          if (!entries.some((entry) => entry.kind === "lifecycle" && entry.lifecycle.kind === "ended")) return;
          stop();
          resolve(false);
          return;
        }
        stop();
        this.die(damage).then(() => resolve(true), reject);
      });
    });
  }

  /** Likewise at once. What the engine still does then is done to files that nobody looks at any more. */
  async die(damage?: Damage): Promise<void> {
    const image = mkdtempSync(join(tmpdir(), "millrace-engine-"));
    for (const name of ["millrace.db", "millrace.db-wal"]) {
      if (existsSync(join(this.dir, name))) copyFileSync(join(this.dir, name), join(image, name));
    }
    if (damage !== undefined) damageLog(join(image, "millrace.db-wal"), damage);
    await this.engine.close(0);
    this.store.close();
    rmSync(this.dir, { recursive: true });
    this.dir = image;
    await this.#openAgain();
  }

  async #openAgain(): Promise<void> {
    this.store = openSqliteStore(this.dir, { durability: "normal" });
    this.engine = this.#open();
    await this.engine.recover();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine.close(0);
    this.store.close();
    rmSync(this.dir, { recursive: true });
  }

  #open(): Engine {
    const { records, failures } = this.store;
    const journal = this.#journalOf(this.store);
    const work = this.#workOf(this.store);
    return new Engine(
      {
        journal,
        work,
        failures,
        records,
        objects: NO_OBJECTS,
        clock: { now: () => Date.now() + this.clockOffsetMs },
        ids: { uuid: v7 },
        loadDefinition: async (yaml) => ({
          definition: this.#definitions.get(yaml) ?? null,
          report: { is_valid: true, issues: [], error_count: 0, warning_count: 0 },
        }),
        findPipeline: async (_project, name) => {
          const definition = this.configs.get(name);
          if (definition === undefined) throw new MillraceError("CONFIG_NOT_FOUND", `There is no config "${name}".`);
          this.#definitions.set(name, definition);
          return { definition, configYaml: name, config: null };
        },
        log: () => ({ ...SILENT, error: (text) => this.faults.push(text) }),
      },
      {
        maxExecutions: 100,
        maxPayloadBytes: 1_000_000,
        maxEmitsPerStep: 1_000_000,
        keepPayloads: "all",
        abandonAfterMs: 50,
        ...this.settings,
      },
    );
  }
}
