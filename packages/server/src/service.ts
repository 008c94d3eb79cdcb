import { join, resolve } from "node:path";
import { AdapterThreadPool, createAdapterRegistry } from "@millrace/adapters";
import {
  type AdapterRegistry,
  type Clock,
  ClusterExecutions,
  type ContentCache,
  type Deliveries,
  Engine,
  type EngineParts,
  type EngineSettings,
  type Executions,
  type Failures,
  type Ids,
  type Journal,
  type KeptMessages,
  type Lineage,
  type LoadedDefinition,
  loadDefinition,
  type ObjectReader,
  type ObjectStore,
  type Records,
  type SearchIndex,
  type StoredObjects,
  type Triggers,
  type WorkQueue,
} from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import type { Logger } from "pino";
import { v7 } from "uuid";
import { Configs } from "./configs.ts";
import { ObjectAdoption } from "./object-adoption.ts";
import { Retention } from "./retention.ts";
import { namedPipeline } from "./runnable-pipeline.ts";
import type { Settings } from "./settings.ts";
import { openStores } from "./stores/open-stores.ts";
import type { SharedParts } from "./stores/stores.ts";
import { tellOfExits } from "./told-exit.ts";
import { openTracing, type Tracing } from "./traces/tracing.ts";
import type { ManageTriggers } from "./triggers/manage-triggers.ts";
import { startTriggersAndWebhooks } from "./triggers-and-webhooks.ts";
import type { ManageWebhooks } from "./webhooks/manage-webhooks.ts";

/** Everything in one process over one data directory; no HTTP. */
export interface Service {
  /** Runs executions in this process. */
  readonly engine: Runner;
  /** All executions, whichever process runs them. */
  readonly executions: Executions;
  readonly records: Records;
  readonly journal: Journal;
  readonly lineage: Lineage;
  readonly work: WorkQueue;
  readonly failures: Failures;
  readonly kept: KeptMessages;
  readonly objects: ObjectStore & ObjectReader;
  readonly storedObjects: StoredObjects;
  readonly search: SearchIndex;
  readonly cache: ContentCache;
  readonly adapters: AdapterRegistry;
  readonly configs: Configs;
  readonly triggers: Triggers;
  readonly manageTriggers: ManageTriggers;
  readonly deliveries: Deliveries;
  readonly manageWebhooks: ManageWebhooks;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Whether it is one node of several, over what they share. */
  readonly isNode: boolean;
  /** Null: no traces are made. */
  readonly tracing: Tracing | null;
  loadDefinition(yaml: string): Promise<LoadedDefinition>;
  /** Lets messages in flight come to their end within `graceMs`, then closes the store. */
  close(graceMs: number): Promise<void>;
}

/** Runs executions in this process, and drives all there are. */
export interface Runner extends Executions {
  /** Executions at work in this process. */
  readonly running: number;
  /** @see Engine.blameExit */
  blameExit(): boolean;
  /** @see Engine.blameError */
  blameError(error: unknown): boolean;
  /** @see Engine.close */
  close(graceMs: number): Promise<void>;
}

/** How long an adapter that was told to stop is waited for, in milliseconds. */
const ABANDON_AFTER_MS = 1_000;

/**
 * Opens the data directory and takes up the executions that are in it.
 * @throws MillraceError DATA_DIR_IN_USE, DATA_DIR_UNUSABLE, ADAPTER_INVALID
 */
export async function openService(settings: Settings, log: Logger): Promise<Service> {
  const baseDir = process.cwd();
  const grants = {
    httpAllowHosts: settings.http_allow_hosts,
    traceHosts: settings.trace_hosts,
    stateDir: join(resolve(settings.data_dir), "state"),
  };
  const tracing = await openTracing(settings, log);
  const adapters = await createAdapterRegistry({ adaptersDir: settings.adapters_dir, baseDir, grants });
  const stores = await openStores(settings);
  const { journal, work, records, lineage, failures, kept, storedObjects, objects, search, cache, place } = stores;
  const { triggers, deliveries } = stores;
  const clock: Clock = { now: Date.now };
  const ids: Ids = { uuid: v7 };
  const load = (yaml: string) => loadDefinition(yaml, { adapters, env: process.env });
  const threads = new AdapterThreadPool({
    maxThreads: settings.max_adapter_threads,
    graceMs: ABANDON_AFTER_MS,
    grants,
    log: adapterLog(log),
  });
  const configs = new Configs({ records, clock, ids, loadDefinition: load });
  const adoption = new ObjectAdoption({ journal, records, objects, storedObjects, clock, log });
  const parts: EngineParts = {
    journal,
    work,
    failures,
    records,
    objects,
    search,
    cache,
    threads,
    clock,
    ids,
    ...(tracing === null ? {} : { tracer: tracing }),
    loadDefinition: load,
    findPipeline: (config) => namedPipeline(configs, records, config),
    log: (fields) => adapterLog(log.child(fields)),
  };
  const limits: EngineSettings = {
    maxExecutions: settings.max_executions,
    maxPayloadBytes: settings.max_payload_bytes,
    maxEmitsPerStep: settings.max_emits_per_step,
    keepPayloads: settings.keep_payloads,
    abandonAfterMs: ABANDON_AFTER_MS,
  };
  const { engine, open, takeBack } =
    stores.nodes === null
      ? alone(parts, limits, adoption)
      : amongOthers(parts, limits, adoption, stores.nodes, settings, log);
  // However the process ends: what an adapter did to it is told, and what waits is committed.
  const onExit = (code: number) => {
    if (engine.blameExit() && code === 0) {
      log.error("an adapter ended the process");
      // 0 would say that all is done.
      process.exitCode = 1;
    }
    stores.closeAtExit();
  };
  process.once("exit", onExit);
  const tellFault = (fault: Error | null) => {
    if (fault === null) log.warn("the store can be written again: everything goes on");
    else if (fault instanceof MillraceError) log.error(`${fault.message} It is in ${place}.`);
    else log.error(`the store in ${place} cannot be written: ${fault.message}; it is tried again until it can`);
  };
  try {
    // Before the executions that a process left behind are taken up again, and write objects anew.
    await takeUp(journal, tellFault, open);
  } catch (error) {
    await engine.close(0);
    await threads.close();
    takeBack();
    process.off("exit", onExit);
    await stores.close();
    throw stores.explain(error);
  }
  journal.onFault(tellFault);
  const retention = new Retention(
    { records, journal, objects, executions: engine, nodes: stores.nodes, clock, log },
    settings,
  );
  retention.start();
  const { manageTriggers, manageWebhooks, stop } = startTriggersAndWebhooks({
    stores,
    journal,
    configs,
    executions: engine,
    clock,
    ids,
    log,
    allowHosts: settings.http_allow_hosts,
    traceHosts: settings.trace_hosts,
    tracing,
    records,
  });
  return {
    engine,
    executions: engine,
    records,
    journal,
    lineage,
    work,
    failures,
    kept,
    objects,
    storedObjects,
    search,
    cache,
    adapters,
    configs,
    triggers,
    manageTriggers,
    deliveries,
    manageWebhooks,
    clock,
    ids,
    isNode: stores.nodes !== null,
    tracing,
    loadDefinition: load,
    async close(graceMs) {
      await Promise.all([retention.stop(), stop()]);
      adoption.stop();
      await engine.close(graceMs);
      await threads.close();
      takeBack();
      process.off("exit", onExit);
      await Promise.all([stores.close(), tracing?.close()]);
    },
  };
}

/** A runner, and what it begins with: to be called once. */
interface Opening {
  readonly engine: Runner;
  /** Takes up what is to be taken up. */
  open(): Promise<void>;
  /** Takes back what was changed of the process. */
  takeBack(): void;
}

/** This process is the whole service: it takes up whatever a process before it left. */
function alone(parts: EngineParts, limits: EngineSettings, adoption: ObjectAdoption): Opening {
  const engine = new Engine(parts, limits);
  return {
    engine,
    async open() {
      await adoption.prepare();
      await engine.recover();
      await adoption.begin();
    },
    takeBack() {},
  };
}

/** One node of several: it takes up what it claims. */
function amongOthers(
  parts: EngineParts,
  limits: EngineSettings,
  adoption: ObjectAdoption,
  nodes: SharedParts,
  settings: Settings,
  log: Logger,
): Opening {
  const { bus, tasks, ownership } = nodes;
  const engine = new ClusterExecutions(
    { ...parts, bus, tasks, ownership, claimed: (executionIds) => adoption.lookAt(executionIds) },
    { ...limits, engine: settings.engine, maxOwned: settings.max_executions, workSlots: settings.work_slots },
  );
  return { engine, open: async () => engine.open(), takeBack: tellOfExits(engine, log) };
}

/** SQLITE_BUSY: another process has locked the database, for a while. */
const BUSY = 5;

/**
 * Takes up what is not over. Where the store turns out not to be writable a start says so, rather than to wait for it
 * without a word.
 */
async function takeUp(
  journal: Journal,
  tellFault: (fault: Error | null) => void,
  recover: () => Promise<void>,
): Promise<void> {
  let stop = () => {};
  const failing = new Promise<never>((_, reject) => {
    stop = journal.onFault((fault) => {
      const waits =
        fault === null || ("errcode" in fault && typeof fault.errcode === "number" && (fault.errcode & 0xff) === BUSY);
      if (waits) tellFault(fault);
      else reject(fault);
    });
  });
  try {
    await Promise.race([recover(), failing]);
  } finally {
    stop();
  }
}

function adapterLog(log: Logger) {
  return {
    debug: (text: string, fields = {}) => log.debug(fields, text),
    info: (text: string, fields = {}) => log.info(fields, text),
    warn: (text: string, fields = {}) => log.warn(fields, text),
    error: (text: string, fields = {}) => log.error(fields, text),
  };
}
