import type {
  CreateExecution,
  CreateTicket,
  Dag,
  Execution,
  ExecutionDetail,
  ExecutionList,
  ExecutionListQuery,
  ExecutionStats,
  FailureGroups,
  FailureGroupsQuery,
  FailureList,
  FailureListQuery,
  PageQuery,
  PatchExecution,
  PatchExecutionResult,
  ReplayBody,
  ReplayList,
  RetryFailuresBody,
  RetryResult,
  RouteStates,
  StreamTicket,
  WaitResult,
} from "@millrace/protocol";
import { configsOf } from "./configs.ts";
import {
  type EventsOptions,
  eventBatches,
  events,
  type ProgressOptions,
  progress,
  type RunProgress,
  type StreamEvent,
} from "./events.ts";
import { type Api, type CallOptions, segment } from "./request.ts";
import { Run, type RunOptions } from "./run.ts";
import { waitForEnd } from "./wait.ts";

const PATH = "/api/v1/executions";

/** Calls about executions. An execution is named by its id or its tag. */
export function executionsOf(api: Api) {
  const one = (id: string) => `${PATH}/${segment(id)}`;
  const followed = (id: string) => ({ path: `${one(id)}/events`, ids: null });
  const several = (ids: readonly string[]) => ({ path: "/api/v1/events", ids });
  const start = (body: CreateExecution, call?: CallOptions): Promise<Execution> =>
    api.json("POST", PATH, { body, ...call });
  const patch = (id: string, body: PatchExecution, call?: CallOptions): Promise<PatchExecutionResult> =>
    api.json("PATCH", one(id), { body, ...call });

  const executions = {
    /** Newest first, unless said. */
    list: (query: ExecutionListQuery = {}, call?: CallOptions): Promise<ExecutionList> =>
      api.json("GET", PATH, { query, ...call }),
    get: (id: string, call?: CallOptions): Promise<ExecutionDetail> => api.json("GET", one(id), call),
    start,
    /**
     * Starts a config, named by its id or by a name that only one has; what is returned follows the execution.
     * @throws ApiError, AmbiguousNameError
     */
    run: async (config: string, { payload, ...options }: RunOptions = {}, call?: CallOptions): Promise<Run> => {
      const { id } = await configsOf(api).find(config, call);
      const execution = await start({ config_id: id, init_payload: payload, ...options }, call);
      return new Run(executions, execution);
    },
    patch,
    /** Adapters that run are told to stop. */
    cancel: (id: string, call?: CallOptions): Promise<PatchExecutionResult> => patch(id, { status: "cancelled" }, call),
    /** Deletes one that is over, with its journal and its objects. */
    delete: (id: string, call?: CallOptions): Promise<void> => api.json("DELETE", one(id), call),
    /**
     * Waits for an execution's end, `timeoutS` seconds at most (1…3600), over as many requests as it takes, also while
     * the service is away for a while. `completed` says whether it is over.
     */
    wait: (id: string, timeoutS = 300, call?: CallOptions): Promise<WaitResult> =>
      waitForEnd(api, one(id), timeoutS, call),
    /** A ticket that opens the streams of one execution where no header can be set, as with a browser's `EventSource`. */
    ticket: (id: string, body: CreateTicket = {}, call?: CallOptions): Promise<StreamTicket> =>
      api.json("POST", `${one(id)}/events/ticket`, { body, ...call }),
    stats: (id: string, call?: CallOptions): Promise<ExecutionStats> => api.json("GET", `${one(id)}/stats`, call),
    /** Routes and adapters as a graph, with counts. */
    dag: (id: string, call?: CallOptions): Promise<Dag> => api.json("GET", `${one(id)}/dag`, call),
    routes: (id: string, call?: CallOptions): Promise<RouteStates> => api.json("GET", `${one(id)}/routes`, call),

    /** Follows an execution from its first event to its end; resumes by itself. */
    events: (id: string, options: EventsOptions = {}): AsyncGenerator<StreamEvent> =>
      events(api, followed(id), options),
    /** As `events`, over several executions (up to 100) in one connection, to the end of the last one. */
    eventsOf: (ids: readonly string[], options: EventsOptions = {}): AsyncGenerator<StreamEvent> =>
      events(api, several(ids), options),
    /** As `events`, but each time all that has come since: for whoever draws them, thousands a second. */
    eventBatches: (id: string, options: EventsOptions = {}): AsyncGenerator<StreamEvent[]> =>
      eventBatches(api, followed(id), options),
    /** As `eventBatches`, over several executions (up to 100) in one connection. */
    eventBatchesOf: (ids: readonly string[], options: EventsOptions = {}): AsyncGenerator<StreamEvent[]> =>
      eventBatches(api, several(ids), options),
    /** The state of a run: at once, then whenever it changes, at most every 250 ms; last as it stays. */
    progress: (id: string, options: ProgressOptions = {}): AsyncGenerator<RunProgress> =>
      progress(api, followed(id), options),
    /** As `progress`, over several executions (up to 100) in one connection; each state names its execution. */
    progressOf: (ids: readonly string[], options: ProgressOptions = {}): AsyncGenerator<RunProgress> =>
      progress(api, several(ids), options),

    /** Messages that failed for good, as they are kept. */
    failures: (id: string, query: FailureListQuery = {}, call?: CallOptions): Promise<FailureList> =>
      api.json("GET", `${one(id)}/failures`, { query, ...call }),
    /** Those that failed in the same place with the same code, counted. */
    failureGroups: (id: string, query: FailureGroupsQuery = {}, call?: CallOptions): Promise<FailureGroups> =>
      api.json("GET", `${one(id)}/failures/groups`, { query, ...call }),
    /** Takes failed messages up again: in the execution while it runs, else in a new one. */
    retry: (id: string, body: RetryFailuresBody, call?: CallOptions): Promise<RetryResult> =>
      api.json("POST", `${one(id)}/failures/retry`, { body, ...call }),
    /** Does a part of an execution again, in a new one. */
    replay: (id: string, body: ReplayBody, call?: CallOptions): Promise<Execution> =>
      api.json("POST", `${one(id)}/replay`, { body, ...call }),
    /** The executions that replay this one, or retry messages of it; newest first. */
    replays: (id: string, query: PageQuery = {}, call?: CallOptions): Promise<ReplayList> =>
      api.json("GET", `${one(id)}/replays`, { query, ...call }),
  };
  return executions;
}

/** @see executionsOf */
export type Executions = ReturnType<typeof executionsOf>;
