import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { StepHistogram } from "./step-histogram.ts";

const HTTP_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const COMMIT_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const GROUP_EVENTS = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];
const STEP_SECONDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300];
const DELIVERY_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * What this process counts, as Prometheus knows it. A counter more is a line here, one in the table of
 * `docs/guides/monitoring.md`, and an `inc` where the thing happens. Labels have few values, all known beforehand: never an id,
 * a path, a key or an address. What is read at a scrape, and not counted, stands in `service-gauges.ts` and its neighbours.
 *
 * Nothing here is told of an event or a frame by itself: a commit, a step, a request and a delivery are the smallest units.
 */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const sent: Sent = { bytes: 0, events: 0 };
  const counter = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const histogram = <L extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly L[] = [],
  ) => new Histogram({ name, help, buckets, labelNames, registers });
  const metrics = {
    registry,
    /** Added to with each write to a stream, and read at a scrape: a sum costs less than a counter. */
    sent,

    httpRequests: counter(
      "millrace_http_requests_total",
      "Requests that were answered, by method, path template and class of status; streams count when they begin.",
      ["method", "route", "status"],
    ),
    httpSeconds: histogram(
      "millrace_http_request_duration_seconds",
      "From a request's arrival to the end of its answer; of streams, to their head.",
      HTTP_SECONDS,
      ["method", "route"],
    ),
    httpErrors: counter("millrace_http_errors_total", "Requests that were answered with an error, by its error_code.", [
      "code",
    ]),

    streamsOpened: counter("millrace_streams_opened_total", "Streams that were begun.", ["kind"]),
    streamBytes: new Counter({
      name: "millrace_stream_sent_bytes_total",
      help: "Bytes that were written to streams.",
      registers,
      collect() {
        this.reset();
        this.inc(sent.bytes);
      },
    }),
    streamEvents: new Counter({
      name: "millrace_stream_sent_events_total",
      help: "Events that were written to streams.",
      registers,
      collect() {
        this.reset();
        this.inc(sent.events);
      },
    }),

    commitSeconds: histogram(
      "millrace_journal_commit_duration_seconds",
      "Time of one commit: a transaction with all that was ready.",
      COMMIT_SECONDS,
    ),
    commitEvents: histogram("millrace_journal_commit_events", "Events in one commit.", GROUP_EVENTS),
    commitFailures: counter("millrace_journal_commit_failures_total", "Commits that failed as the store was at fault."),

    executionsStarted: counter("millrace_executions_started_total", "Executions that were started through this node."),
    executionsTakenUp: counter(
      "millrace_executions_taken_up_total",
      "Executions that this node went on with, which a process before it or another node had left or begun.",
    ),
    executionsEnded: counter("millrace_executions_ended_total", "Executions that this node brought to their end.", [
      "status",
    ]),

    leasesLost: counter(
      "millrace_leases_lost_total",
      "Times that this node was silent for too long, and others took its executions over.",
    ),

    messagesCompleted: counter("millrace_messages_completed_total", "Messages whose processing completed."),
    messagesFailed: counter(
      "millrace_messages_failed_total",
      "Messages that failed for good, by adapter and error code.",
      ["adapter", "code"],
    ),
    messagesRetried: counter(
      "millrace_messages_retried_total",
      "Attempts that failed and are made again, by adapter and error code.",
      ["adapter", "code"],
    ),
    stepSeconds: new StepHistogram({
      name: "millrace_adapter_step_duration_seconds",
      help: "Time of an adapter's own code on one message, by adapter type.",
      buckets: STEP_SECONDS,
      labelNames: ["adapter"],
      registers,
    }),

    modelRequests: counter("millrace_model_requests_total", "Requests that a model's server answered.", ["adapter"]),
    modelCached: counter("millrace_model_cached_total", "Inputs whose answer of a model was in the cache.", [
      "adapter",
    ]),
    modelTokens: counter("millrace_model_tokens_total", "Tokens of models, by direction: input, output.", [
      "adapter",
      "direction",
    ]),
    modelCost: counter("millrace_model_cost_total", "What models cost, by the prices in the steps' configs.", [
      "adapter",
    ]),

    firings: counter("millrace_trigger_firings_total", "Triggers that fired, by kind and outcome.", [
      "kind",
      "outcome",
    ]),
    deliveries: counter(
      "millrace_webhook_attempts_total",
      "Attempts to deliver to a webhook, by outcome: delivered, retried, failed.",
      ["outcome"],
    ),
    deliverySeconds: histogram(
      "millrace_webhook_attempt_duration_seconds",
      "Time of an attempt to deliver to a webhook.",
      DELIVERY_SECONDS,
    ),
  };
  startAtZero(metrics);
  return metrics;
}

/**
 * What alerts look at is there from the start: of a counter that is not there before it is 1, Prometheus does not know that it
 * has grown.
 */
function startAtZero({ httpErrors, streamsOpened, executionsEnded, firings, deliveries }: StartAtZero): void {
  for (const code of ["UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED", "INTERNAL"]) httpErrors.inc({ code }, 0);
  for (const kind of ["events", "many", "progress", "objects"]) streamsOpened.inc({ kind }, 0);
  for (const status of ["completed", "failed", "cancelled"]) executionsEnded.inc({ status }, 0);
  for (const outcome of ["delivered", "retried", "failed"]) deliveries.inc({ outcome }, 0);
  for (const kind of ["cron", "folder", "call"]) {
    for (const outcome of ["started", "failed"]) firings.inc({ kind, outcome }, 0);
  }
}

/** Counters by what is known beforehand. */
interface StartAtZero {
  readonly httpErrors: Counter<"code">;
  readonly streamsOpened: Counter<"kind">;
  readonly executionsEnded: Counter<"status">;
  readonly firings: Counter<"kind" | "outcome">;
  readonly deliveries: Counter<"outcome">;
}

/** What streams were sent. */
export interface Sent {
  bytes: number;
  events: number;
}

/** @see createMetrics */
export type Metrics = ReturnType<typeof createMetrics>;

/** What a gauge, or a counter that something else keeps, is read from; undefined or an error: it has no value now. */
export type Reading<L extends string> = () =>
  | number
  | readonly Sample<L>[]
  | undefined
  | Promise<number | readonly Sample<L>[] | undefined>;

/** A value with its labels. */
export type Sample<L extends string> = readonly [labels: Readonly<Record<L, string>>, value: number];

/** A reading that has not come after so long, in milliseconds, is left out: a scrape does not wait for a store that is away. */
const READING_MS = 2_000;

/** Adds a gauge that is read at each scrape. */
export function gauge<L extends string = never>(
  { registry }: Pick<Metrics, "registry">,
  name: string,
  help: string,
  read: Reading<L>,
  labelNames: readonly L[] = [],
): void {
  new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    async collect() {
      const value = await soon(read);
      // In one turn: another scrape may be under way.
      this.reset();
      if (value === undefined) {
        // One without labels would else be 0.
        if (labelNames.length === 0) this.remove({});
      } else if (typeof value === "number") this.set(value);
      else for (const [labels, each] of value) this.set(labels, each);
    },
  });
}

async function soon<L extends string>(read: Reading<L>): Promise<Awaited<ReturnType<Reading<L>>>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, READING_MS, undefined);
  });
  try {
    return await Promise.race([read(), late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
