import { ApiError, type Client, type StreamState } from "@millrace/client";
import { type Execution, type ExecutionStatus, isTerminal, type ProgressData } from "@millrace/protocol";
import { describeLoss } from "../watched-run.ts";

/** A run of the list. */
export interface ListedRun {
  readonly execution: Execution;
  /** What it has done; null while that is not known. */
  readonly progress: ProgressData | null;
}

/** Which runs are listed. */
export const RUN_FILTERS = ["all", "active", "failed"] as const;

/** @see RUN_FILTERS */
export type RunFilter = (typeof RUN_FILTERS)[number];

/** The list is asked for so often: what goes on in its runs is told by a stream in between. */
const ASK_MS = 2_000;
/** So many of the newest runs are listed, besides those that are not over; a stream carries no more than that. */
const MOST = 100;

/** The runs of a service: which there are is asked for now and then, what they do comes over one stream. */
export class RunList {
  readonly #client: Client;
  readonly #changed: (data: ProgressData | null) => void;
  readonly #progress = new Map<string, ProgressData>();
  #executions: readonly Execution[] = [];
  #filter: RunFilter = "all";
  #total = 0;
  #problem: string | null = null;
  #connection: StreamState = { state: "connecting", reason: null };
  #subscribed = new Set<string>();
  #stream = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** `changed` is told of every change, and of the state that it was where it was one. */
  constructor(client: Client, changed: (data: ProgressData | null) => void) {
    this.#client = client;
    this.#changed = changed;
  }

  /** Asks for the list, and goes on asking. @throws ApiError the first time, so that a wrong address is told at once */
  async start(): Promise<void> {
    await this.#ask();
    this.#again();
  }

  /** Asks for the list and for nothing after that; resolves when what its runs have done is known. */
  async once(): Promise<void> {
    await this.#ask();
    const missing = new Set(this.#wanted().slice(0, MOST));
    if (missing.size === 0) return;
    for await (const state of this.#client.executions.progressOf([...missing])) {
      this.#progress.set(state.execution_id, state);
      missing.delete(state.execution_id);
      if (missing.size === 0) return;
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#stream.abort();
  }

  /** Which runs are listed; asks anew when it is set. */
  get filter(): RunFilter {
    return this.#filter;
  }

  set filter(filter: RunFilter) {
    this.#filter = filter;
    this.refresh();
  }

  /** Asks for the list now. */
  refresh(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tick(), 0);
  }

  /** How many runs the service has. */
  get total(): number {
    return this.#total;
  }

  /** What is wrong with the connection; null: nothing. */
  get problem(): string | null {
    if (this.#problem !== null) return this.#problem;
    return this.#connection.state === "waiting" && this.#connection.reason !== "timeout"
      ? describeLoss(this.#connection)
      : null;
  }

  /** Those that go on first, by how much goes on in them; then those that are over, the newest first. */
  get runs(): ListedRun[] {
    const runs = this.#executions.map((execution) => this.#listed(execution));
    const shown = runs.filter(({ execution, progress }) => {
      if (this.#filter === "all") return true;
      if (this.#filter === "active") return !isTerminal(execution.status);
      return execution.status === "failed" || (progress?.failed ?? 0) > 0;
    });
    return shown.toSorted((a, b) => rank(a) - rank(b) || rateOf(b) - rateOf(a) || endOf(b).localeCompare(endOf(a)));
  }

  #listed(execution: Execution): ListedRun {
    const progress = this.#progress.get(execution.id) ?? null;
    // The stream tells of an end before the list does.
    const status = progress !== null && !isTerminal(execution.status) ? progress.status : execution.status;
    return { execution: { ...execution, status }, progress };
  }

  async #tick(): Promise<void> {
    try {
      await this.#ask();
      this.#problem = null;
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
    }
    this.#changed(null);
    this.#again();
  }

  #again(): void {
    if (this.#stopped) return;
    const missing = this.#wanted()
      .slice(0, MOST)
      .filter((id) => !this.#subscribed.has(id));
    if (missing.length > 0 || this.#subscribed.size === 0) this.#subscribe();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tick(), ASK_MS);
  }

  async #ask(): Promise<void> {
    const list = (status?: ExecutionStatus) =>
      this.#client.executions.list({ limit: MOST, ...(status === undefined ? {} : { status: [status] }) });
    const newest = list();
    const pages = await Promise.all([
      list("running"),
      list("interrupted"),
      newest,
      ...(this.#filter === "failed" ? [list("failed")] : []),
    ]);
    this.#total = (await newest).total;
    // One that ends between two answers is in both: the later answer counts.
    const byId = new Map(pages.flatMap(({ executions }) => executions).map((execution) => [execution.id, execution]));
    this.#executions = [...byId.values()];
    for (const id of this.#progress.keys()) if (!byId.has(id)) this.#progress.delete(id);
  }

  /** Runs that something is to be known of, the most important first. */
  #wanted(): string[] {
    const wanted = this.#executions.filter(({ id, status }) => {
      const known = this.#progress.get(id);
      return !isTerminal(status) || known === undefined || !isTerminal(known.status);
    });
    return wanted.toSorted((a, b) => rank({ execution: a }) - rank({ execution: b })).map(({ id }) => id);
  }

  async #subscribe(): Promise<void> {
    this.#stream.abort();
    const stream = new AbortController();
    this.#stream = stream;
    const ids = this.#wanted().slice(0, MOST);
    this.#subscribed = new Set(ids);
    if (ids.length === 0) return;
    try {
      const states = this.#client.executions.progressOf(ids, {
        timeoutS: 3600,
        signal: stream.signal,
        onState: (state) => {
          if (this.#stream === stream) this.#connection = state;
        },
      });
      for await (const state of states) {
        if (this.#stream !== stream) return;
        this.#progress.set(state.execution_id, state);
        this.#changed(state);
      }
    } catch (error) {
      // One of them was deleted in the meantime: the next list is without it.
      if (!(error instanceof ApiError) || error.status !== 404)
        this.#problem = error instanceof Error ? error.message : String(error);
    }
    if (this.#stream === stream) this.#subscribed = new Set();
  }
}

function rank({ execution }: Pick<ListedRun, "execution">): number {
  return execution.status === "running" ? 0 : execution.status === "interrupted" ? 1 : 2;
}

function rateOf({ execution, progress }: ListedRun): number {
  return execution.status === "running" ? (progress?.rate ?? 0) : 0;
}

function endOf({ execution }: ListedRun): string {
  return execution.completed_at ?? execution.started_at;
}
