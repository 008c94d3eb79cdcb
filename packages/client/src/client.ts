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
  Health,
  JsonObject,
  PatchExecution,
  PatchExecutionResult,
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
  readonly status?: string;
  readonly config_id?: string;
  readonly tag?: string;
  readonly started_after?: string;
  readonly started_before?: string;
  readonly sort_order?: "asc" | "desc";
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
