import type { AdapterLog } from "../adapter.ts";
import { Engine } from "../execution/engine.ts";
import { partsOfProject } from "../execution/project-parts.ts";
import { FrozenPipelines } from "../remote/frozen-pipelines.ts";
import { Offers } from "../remote/offers.ts";
import { RemoteWorker } from "../remote/remote-worker.ts";
import { stepLog } from "../route/step-log.ts";
import { Claims } from "./claims.ts";
import type { ClusterParts, ClusterSettings } from "./cluster-parts.ts";
import { OrphanWatch } from "./orphan-watch.ts";
import { OwnerAnswers } from "./owner-answers.ts";

/** What a node is made of. */
export interface Node {
  readonly engine: Engine;
  /** Which executions are its own. */
  readonly claims: Claims;
  readonly watch: OrphanWatch;
  /** What it tells other nodes of its executions. */
  readonly answers: OwnerAnswers;
  /** Messages of its own that others may work on. */
  readonly offers: Offers;
  /** What it does for others. */
  readonly worker: RemoteWorker;
  readonly pipelines: FrozenPipelines;
}

/** Puts a node together; `announce` tells the others that there is an execution that nobody owns. */
export function assembleNode(
  parts: ClusterParts,
  settings: ClusterSettings,
  log: AdapterLog,
  announce: () => void,
): Node {
  const { ownership, bus, tasks, journal, work, records, clock } = parts;
  const { abandonAfterMs, aliveEveryMs = 1_000, interruptedAfterMs = 5_000 } = settings;
  const loadDefinition: ClusterParts["loadDefinition"] = (yaml, project) => parts.loadDefinition(yaml, project);
  const offers = new Offers({
    bus,
    tasks,
    ownership,
    work,
    journal,
    log,
    slots: settings.workSlots ?? 64,
    worthMs: settings.worthOfferingMs ?? 2,
    abandonAfterMs,
    aliveEveryMs,
    runs: (executionId) => engine.runs(executionId),
  });
  const { spread } = offers;
  const placement = { ownership, takesNew: () => claims.takesNew, announce };
  const engine: Engine = new Engine({ ...parts, placement, spread }, settings);
  const claims: Claims = new Claims({
    engine,
    ownership,
    records,
    log,
    maxOwned: settings.engine ? settings.maxOwned : 0,
    claimed: (executionIds) => parts.claimed?.(executionIds),
    now: () => clock.now(),
  });
  const pipelines = new FrozenPipelines({
    records,
    loadDefinition,
    tracer: parts.tracer ?? null,
    chainHostOf: (project, executionId) => ({
      // A step that starts executions works where its own execution is (`stateful`).
      children: null,
      ...partsOfProject(parts, project, executionId),
      threads: parts.threads ?? null,
      abandonAfterMs,
      observer: parts.observer ?? null,
      log: (flow, step) => stepLog((fields) => parts.log(fields), flow, step),
    }),
  });
  return {
    engine,
    claims,
    offers,
    pipelines,
    watch: new OrphanWatch({ ownership, journal, clock, log, interruptedAfterMs, announce }),
    answers: new OwnerAnswers({
      engine,
      records: parts.records,
      bus,
      loadDefinition,
      isHeldUp: (executionId) => claims.isHeldUp(executionId),
    }),
    worker: new RemoteWorker({
      bus,
      tasks,
      ownership,
      pipelines,
      clock,
      log,
      aliveEveryMs,
      free: () => spread.free,
      takeSlot: () => spread.take(),
      takeBack: (offer) => offers.takeBack(offer),
    }),
  };
}
