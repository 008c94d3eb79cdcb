import { join, parse, resolve } from "node:path";
import { AdapterThreadPool, createAdapterRegistry, type FileRules, filePlaces } from "@millrace/adapters";
import {
  type AdapterRegistry,
  type AuditLog,
  type Clock,
  ClusterExecutions,
  type ContentCache,
  type Deliveries,
  Engine,
  type EngineLoad,
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
  type SearchIndexes,
  type StoredObjects,
  type Triggers,
  type WorkQueue,
} from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import type { Logger } from "pino";
import { v7 } from "uuid";
import type { AccessControl } from "./access/access-control.ts";
import { AuditTrail } from "./access/audit-trail.ts";
import { ManageKeys } from "./access/manage-keys.ts";
import { openAccess } from "./access/open-access.ts";
import { type Identity, openIdentity } from "./access/open-identity.ts";
import { tellOfKeys } from "./access/tell-of-keys.ts";
import { Configs } from "./configs.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { commitObserver, engineObserver } from "./metrics/observers.ts";
import { ObjectAdoption } from "./object-adoption.ts";
import { Retention } from "./retention.ts";
import { namedPipeline } from "./runnable-pipeline.ts";
import { openSecrets } from "./secrets/open-secrets.ts";
import { knowOwnCredentials } from "./secrets/own-credentials.ts";
import type { Secrets } from "./secrets/secrets.ts";
import type { Settings } from "./settings.ts";
import { openStores } from "./stores/open-stores.ts";
import type { SharedParts, StoreLooks } from "./stores/stores.ts";
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
  readonly search: SearchIndexes;
  readonly cache: ContentCache;
  readonly adapters: AdapterRegistry;
  readonly configs: Configs;
  readonly triggers: Triggers;
  readonly manageTriggers: ManageTriggers;
  readonly deliveries: Deliveries;
  readonly manageWebhooks: ManageWebhooks;
  readonly access: AccessControl;
  readonly identity: Identity;
  readonly manageKeys: ManageKeys;
  readonly auditLog: AuditLog;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Whether it is one node of several, over what they share. */
  readonly isNode: boolean;
  /** What that is; null where this process is the whole service. */
  readonly nodes: SharedParts | null;
  /** Whether the other nodes can be reached; true where there are none. */
  readonly isConnected: () => boolean;
  readonly lookAt: StoreLooks;
  /** Null: no traces are made. */
  readonly tracing: Tracing | null;
  /** `project`: whose secrets the pipeline may use. */
  loadDefinition(yaml: string, project?: string): Promise<LoadedDefinition>;
  readonly secrets: Secrets;
  /** Lets messages in flight come to their end within `graceMs`, then closes the store. */
  close(graceMs: number): Promise<void>;
}

/** Runs executions in this process, and drives all there are. */
export interface Runner extends Executions {
  /** Executions at work in this process. */
  readonly running: number;
  /** @see Engine.load */
  readonly load: EngineLoad;
  /** Messages of other nodes' executions that this process works on; none where there are no others. */
  readonly workingForOthers?: number;
  /** @see Engine.blameExit */
  blameExit(): boolean;
  /** @see Engine.blameError */
  blameError(error: unknown): boolean;
  /** @see Engine.close */
  close(graceMs: number): Promise<void>;
}

/** Which files pipelines may reach where others than who runs the service write them: none of the service's own. */
function fileRules(settings: Settings): FileRules {
  const own = [
    settings.data_dir,
    settings.secrets_dir,
    settings.secrets_token_file,
    settings.oidc_client_secret_file,
    process.env.MILLRACE_CONFIG || null,
  ];
  const here = process.cwd();
  // Units without a folder of their own are started in that of all: it was not chosen for pipelines.
  const folders = here === parse(here).root ? settings.file_roots : [here, ...settings.file_roots];
  return {
    folders: folders.map((folder) => resolve(folder)),
    except: own.flatMap((path) => (path === null ? [] : [resolve(path)])),
  };
}

/** How long an adapter that was told to stop is waited for, in milliseconds. */
const ABANDON_AFTER_MS = 1_000;

/** What a service is beside its settings. */
export interface ServiceOptions {
  /** Whether the process answers the API where its settings say: access control is then to be as that address asks for. Default true. */
  readonly servesApi?: boolean;
  /** Where it is counted what happens; null: nowhere. */
  readonly metrics?: Metrics | null;
}

/**
 * Opens the data directory and takes up the executions that are in it.
 * @throws MillraceError DATA_DIR_IN_USE, DATA_DIR_UNUSABLE, ADAPTER_INVALID, SETTING_INVALID
 */
export async function openService(
  settings: Settings,
  log: Logger,
  { servesApi = true, metrics = null }: ServiceOptions = {},
): Promise<Service> {
  knowOwnCredentials(settings, process.env);
  const tracing = await openTracing(settings, log);
  const stores = await openStores(settings, metrics === null ? null : commitObserver(metrics));
  const { journal, work, records, lineage, failures, kept, storedObjects, objects, search, cache, place } = stores;
  const { triggers, deliveries, apiKeys, auditLog, serviceSecrets } = stores;
  const clock: Clock = { now: Date.now };
  const ids: Ids = { uuid: v7 };
  const leave = async (error: unknown): Promise<never> => {
    await stores.close();
    // What was to be written could not be: that is what there is to say.
    const isAway = error instanceof MillraceError && error.code === "SERVICE_UNAVAILABLE";
    throw stores.explain(isAway ? (journal.fault ?? error.cause ?? error) : error);
  };
  const access = await openAccess({ settings, servesApi, apiKeys, serviceSecrets, clock, log }).catch(leave);
  const grants = {
    httpAllowHosts: settings.http_allow_hosts,
    traceHosts: settings.trace_hosts,
    stateDir: join(resolve(settings.data_dir), "state"),
    // Who may write configs, or start runs, is then not who may read what the service can.
    files: access.isOn ? fileRules(settings) : null,
    variables: { allow: settings.env_allow, restricted: access.isOn },
  };
  const registry = {
    adaptersDir: settings.adapters_dir,
    baseDir: process.cwd(),
    restricted: access.isOn,
    grants,
  };
  const adapters = await createAdapterRegistry(registry).catch(leave);
  let identity: Identity;
  try {
    const bus = stores.nodes?.bus ?? null;
    identity = openIdentity({ settings, access, sessionStore: stores.sessions, serviceSecrets, bus, clock, log });
  } catch (error) {
    await access.close();
    await stores.close();
    throw error;
  }
  const secrets = openSecrets(settings, process.env, access.isOn, (text) => log.warn(text));
  const load = (yaml: string, project?: string) => loadDefinition(yaml, { adapters, source: secrets.of(project) });
  const threads = new AdapterThreadPool({
    maxThreads: settings.max_adapter_threads,
    graceMs: ABANDON_AFTER_MS,
    grants,
    log: adapterLog(log),
  });
  const configs = new Configs({
    records,
    clock,
    ids,
    loadDefinition: load,
    secretsAreStill: (values, project) => secrets.areStill(values, project),
  });
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
    findPipeline: (project, config) => namedPipeline(configs, records, project, config),
    log: (fields) => adapterLog(log.child(fields)),
    ...(metrics === null ? {} : { observer: engineObserver(metrics) }),
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
    secrets,
    allowHosts: settings.http_allow_hosts,
    places: filePlaces(grants.files),
    metrics,
    traceHosts: settings.trace_hosts,
    tracing,
    records,
  });
  const audit = new AuditTrail({ auditLog, clock, ids, log, retainDays: settings.retain_audit_days });
  const changed = tellOfKeys(access, stores.nodes?.bus ?? null, clock);
  const manageKeys = new ManageKeys({ apiKeys, clock, ids, changed });
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
    access,
    identity,
    manageKeys,
    auditLog,
    audit,
    clock,
    ids,
    isNode: stores.nodes !== null,
    nodes: stores.nodes,
    isConnected: () => stores.nodes?.bus.connected ?? true,
    lookAt: stores.lookAt,
    tracing,
    loadDefinition: load,
    secrets,
    async close(graceMs) {
      identity.close();
      await Promise.all([retention.stop(), stop(), audit.close(), access.close()]);
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
