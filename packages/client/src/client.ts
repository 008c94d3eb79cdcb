import type {
  AdapterInfo,
  Config,
  ConfigList,
  ConfigVersion,
  CreateConfig,
  CreateExecution,
  Dag,
  EndData,
  Execution,
  ExecutionDetail,
  ExecutionList,
  ExecutionStats,
  FailureGroups,
  FailureList,
  Health,
  JsonObject,
  LineageList,
  LineageNodes,
  LineageStats,
  LineageStory,
  PatchExecution,
  PatchExecutionResult,
  ReplayBody,
  ReplayList,
  RetryFailuresBody,
  RetryResult,
  RouteStates,
  SystemInfo,
  UpdateConfig,
  ValidationReport,
  WaitResult,
} from "@millrace/protocol";
import { ApiError, toApiError } from "./api-error.ts";
import { type EventsOptions, followEvents, type StreamFrame } from "./events.ts";

/** How the service is reached. */
export interface ClientOptions {
  /** As `http://127.0.0.1:8000`. */
  readonly baseUrl: string;
  /** Default the platform's. */
  readonly fetch?: typeof globalThis.fetch;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a list of executions is narrowed by. */
export interface ExecutionQuery {
  /** Several, separated by commas. */
  readonly status?: string;
  readonly config_id?: string;
  readonly tag?: string;
  readonly tag_prefix?: string;
  /** Words in tags and configs' names, or how ids begin. */
  readonly search?: string;
  readonly parent_execution_id?: string;
  readonly started_after?: string;
  readonly started_before?: string;
  readonly sort_order?: "asc" | "desc";
  readonly limit?: number;
  readonly offset?: number;
}

/** What stages of messages are narrowed by. */
export interface LineageFilters {
  /** An execution's id or tag. */
  readonly execution_id?: string;
  readonly route_id?: string;
  readonly adapter_name?: string;
  readonly started_after?: string;
  readonly started_before?: string;
}

/** Which page of a list, and sorted how. */
export interface LineagePaging {
  readonly sort_order?: "asc" | "desc";
  readonly limit?: number;
  readonly offset?: number;
}

/** What a list of stages is narrowed and sorted by. */
export interface LineageListQuery extends LineageFilters, LineagePaging {
  readonly status?: string;
  readonly is_root?: boolean;
  readonly sort_by?: "started_at" | "completed_at" | "route_id" | "stage_name";
}

/** Which relatives of a message are listed. */
export interface LineageRelativesQuery {
  /** Where to look: an execution's id or tag. */
  readonly execution_id?: string;
  /** Only the next generation. */
  readonly direct?: boolean;
  readonly limit?: number;
  readonly offset?: number;
}

/** What failed messages are chosen by. */
export interface FailureQuery {
  readonly route?: string;
  readonly adapter?: string;
  readonly code?: string;
  /** Whether they were retried in an execution of their own. */
  readonly retried?: boolean;
}

/** What a list of failed messages is narrowed by. */
export interface FailureListQuery extends FailureQuery {
  /** Several, separated by commas. */
  readonly message_id?: string;
  /** Whether payloads are shown; default true. */
  readonly payload?: boolean;
  readonly limit?: number;
  readonly offset?: number;
}

/** How a config is run. */
export interface RunOptions {
  readonly tag?: string;
  readonly skip_init_message?: boolean;
  readonly idempotency_key?: string;
  /** Merged into the pipeline's `init_message.payload`. */
  readonly payload?: JsonObject;
}

/** The service's own bound on one wait, in seconds. */
const LONGEST_WAIT_S = 3600;

/** Node's fetch gives an answer up whose head takes 300 seconds, so a wait is asked for in slices below that. */
const WAIT_SLICE_S = 240;

/** A typed client of the Millrace API; every method throws {@link ApiError}. */
export function createClient(options: ClientOptions) {
  const base = options.baseUrl.replace(/\/+$/, "");
  const fetcher = options.fetch ?? globalThis.fetch;
  const headers = options.headers ?? {};

  async function request<T>(
    method: string,
    path: string,
    input: { query?: object; body?: unknown; signal?: AbortSignal } = {},
  ): Promise<T> {
    const query = new URLSearchParams(
      Object.entries(input.query ?? {}).flatMap(([name, value]): [string, string][] =>
        value === undefined ? [] : [[name, String(value)]],
      ),
    ).toString();
    let response: Response;
    try {
      response = await fetcher(`${base}${path}${query === "" ? "" : `?${query}`}`, {
        method,
        headers: {
          accept: "application/json",
          ...headers,
          ...(input.body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
        ...(input.signal === undefined ? {} : { signal: input.signal }),
      });
    } catch (error) {
      if (input.signal?.aborted) throw error;
      throw new ApiError(0, `There is no answer from ${base}. Is the service running?`, { cause: error });
    }
    // A health report is an answer, whatever it says.
    if (!response.ok && !(response.status === 503 && path.startsWith("/health"))) throw await toApiError(response);
    // The service answers with what its own schemas for the path say.
    if (response.status === 204) return undefined as T;
    const text = await response.text();
    try {
      return JSON.parse(text) as T;
    } catch (error) {
      throw new ApiError(0, `What answers at ${base} is no Millrace: its answer is no JSON.`, { cause: error });
    }
  }

  const configs = "/api/v1/configs";
  const executions = "/api/v1/executions";
  const lineage = "/api/v1/lineage";

  return {
    configs: {
      list: (query: { limit?: number; offset?: number } = {}) => request<ConfigList>("GET", configs, { query }),
      get: (id: string) => request<Config>("GET", `${configs}/${segment(id)}`),
      create: (body: CreateConfig) => request<Config>("POST", configs, { body }),
      update: (id: string, body: UpdateConfig) => request<Config>("PUT", `${configs}/${segment(id)}`, { body }),
      delete: (id: string) => request<void>("DELETE", `${configs}/${segment(id)}`),
      validate: (yaml: string) =>
        request<ValidationReport>("POST", `${configs}/validate`, { body: { config_yaml: yaml } }),
      versions: (id: string, query: { limit?: number; offset?: number } = {}) =>
        request<{ total: number; versions: ConfigVersion[] }>("GET", `${configs}/${segment(id)}/versions`, { query }),
      run: (id: string, { payload, ...query }: RunOptions = {}) =>
        request<Execution>("POST", `${configs}/${segment(id)}/run`, { query, body: payload ?? {} }),
    },
    executions: {
      list: (query: ExecutionQuery = {}) => request<ExecutionList>("GET", executions, { query }),
      get: (id: string) => request<ExecutionDetail>("GET", `${executions}/${segment(id)}`),
      start: (body: CreateExecution) => request<Execution>("POST", executions, { body }),
      patch: (id: string, body: PatchExecution) =>
        request<PatchExecutionResult>("PATCH", `${executions}/${segment(id)}`, { body }),
      cancel: (id: string) =>
        request<PatchExecutionResult>("PATCH", `${executions}/${segment(id)}`, { body: { status: "cancelled" } }),
      delete: (id: string) => request<void>("DELETE", `${executions}/${segment(id)}`),
      /** Waits for an execution's end, over as many requests as it takes. */
      wait: async (id: string, timeoutS = 300, signal?: AbortSignal): Promise<WaitResult> => {
        for (let left = timeoutS; ; left -= WAIT_SLICE_S) {
          // What is left after a slice may be less than the service takes; what was asked for is its to judge.
          const timeout = left > WAIT_SLICE_S && timeoutS <= LONGEST_WAIT_S ? WAIT_SLICE_S : left;
          const result = await request<WaitResult>("POST", `${executions}/${segment(id)}/wait`, {
            body: { timeout: left < timeoutS ? Math.max(1, timeout) : timeout },
            ...(signal === undefined ? {} : { signal }),
          });
          if (result.completed || timeout === left) return result;
        }
      },
      stats: (id: string) => request<ExecutionStats>("GET", `${executions}/${segment(id)}/stats`),
      dag: (id: string) => request<Dag>("GET", `${executions}/${segment(id)}/dag`),
      routes: (id: string) => request<RouteStates>("GET", `${executions}/${segment(id)}/routes`),
      /** Messages that failed for good, as they are kept. */
      failures: (id: string, query: FailureListQuery = {}) =>
        request<FailureList>("GET", `${executions}/${segment(id)}/failures`, { query }),
      failureGroups: (id: string, query: FailureQuery = {}) =>
        request<FailureGroups>("GET", `${executions}/${segment(id)}/failures/groups`, { query }),
      /** Takes failed messages up again: in the execution while it runs, else in a new one. */
      retry: (id: string, body: RetryFailuresBody) =>
        request<RetryResult>("POST", `${executions}/${segment(id)}/failures/retry`, { body }),
      /** Does a part of an execution again, in a new one. */
      replay: (id: string, body: ReplayBody) =>
        request<Execution>("POST", `${executions}/${segment(id)}/replay`, { body }),
      /** The executions that replay this one, or retry messages of it; newest first. */
      replays: (id: string, query: { limit?: number; offset?: number } = {}) =>
        request<ReplayList>("GET", `${executions}/${segment(id)}/replays`, { query }),
      /** Follows one execution to its end; resumes by itself. */
      events: (id: string, follow: EventsOptions = {}): AsyncGenerator<StreamFrame> =>
        followEvents(
          {
            url: `${base}${executions}/${segment(id)}/events`,
            query: [],
            headers,
            fetch: fetcher,
            isLast: isTerminalEnd,
          },
          follow,
        ),
      /** Follows several executions over one connection, to the end of the last one. */
      eventsOf: (ids: readonly string[], follow: EventsOptions = {}): AsyncGenerator<StreamFrame> => {
        const over = new Set<string>();
        const isLast = (end: EndData) => {
          if (end.execution_id !== undefined && isTerminalEnd(end)) over.add(end.execution_id);
          return over.size >= new Set(ids).size;
        };
        const query = ids.map((id) => ["execution_id", id] as const);
        return followEvents({ url: `${base}/api/v1/events`, query, headers, fetch: fetcher, isLast }, follow);
      },
    },
    lineage: {
      /** Stages of messages: an adapter's run in one attempt each. */
      list: (query: LineageListQuery = {}) => request<LineageList>("GET", lineage, { query }),
      /** Stages in which a message failed for good. */
      failures: (query: LineageFilters & LineagePaging = {}) =>
        request<LineageList>("GET", `${lineage}/failures`, { query }),
      stats: (query: LineageFilters = {}) => request<LineageStats>("GET", `${lineage}/stats`, { query }),
      /** A message's whole story. */
      get: (id: string, query: { execution_id?: string } = {}) =>
        request<LineageStory>("GET", `${lineage}/${segment(id)}`, { query }),
      /** What a message comes from, back to its execution's first. */
      chain: (id: string, query: LineageRelativesQuery = {}) =>
        request<LineageNodes>("GET", `${lineage}/${segment(id)}/chain`, { query }),
      /** All that came of a message. */
      children: (id: string, query: LineageRelativesQuery = {}) =>
        request<LineageNodes>("GET", `${lineage}/${segment(id)}/children`, { query }),
    },
    adapters: {
      list: () => request<{ total: number; adapters: AdapterInfo[] }>("GET", "/api/v1/adapters"),
      get: (type: string) => request<AdapterInfo>("GET", `/api/v1/adapters/${segment(type)}`),
    },
    system: {
      info: () => request<SystemInfo>("GET", "/api/v1/system/info"),
      ready: () => request<Health>("GET", "/health/ready"),
    },
  };
}

/**
 * An id as a segment of a path. Nothing has one of these ids, and a path with one would be another path.
 * @throws ApiError
 */
function segment(id: string): string {
  if (id === "" || id === "." || id === "..")
    throw new ApiError(404, `There is nothing with the id "${id}".`, { code: "ROUTE_NOT_FOUND" });
  return encodeURIComponent(id);
}

/** @see createClient */
export type Client = ReturnType<typeof createClient>;

/** Ends that leave something to come back for are `timeout`, `shutdown` and `interrupted`. */
function isTerminalEnd(end: EndData): boolean {
  return end.reason === "completed" || end.reason === "failed" || end.reason === "cancelled";
}
