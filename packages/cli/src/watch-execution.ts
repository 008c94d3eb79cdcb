import type { Client, StreamState } from "@millrace/client";
import { type ExecutionDetail, type ExecutionEvent, type ExecutionStatus, isTerminal } from "@millrace/protocol";
import { serviceFlags } from "./connection.ts";
import { endAsJson, eventAsJson, eventAsText } from "./event-lines.ts";
import { exitCodeOfStatus } from "./exit-codes.ts";
import { onSignals } from "./interrupts.ts";
import { upstreamOf } from "./live/route-links.ts";
import { type Output, printable } from "./output.ts";
import { RunDisplay } from "./run-display.ts";
import { printSummary } from "./run-summary.ts";
import { describeLoss, WatchedRun } from "./watched-run.ts";

/** How an execution is watched. */
export interface WatchOptions {
  readonly lastEventId?: string;
  readonly since?: "now";
  /** Only events of these types, of messages of these routes. */
  readonly types?: readonly ExecutionEvent["type"][];
  readonly routes?: readonly string[];
  /** Every event as a line, in place of the state of the run. */
  readonly events?: boolean;
  readonly json?: boolean;
  /** The address of the service, where one was given: what is said to be typed next names it. */
  readonly url?: string;
  readonly project?: string;
  /** Whether an interrupt cancels the run; else it ends the watch alone. */
  readonly cancel?: boolean;
}

/** Watches an execution to its end, over whatever happens to the connection; returns the exit code. */
export async function watchExecution(
  client: Client,
  idOrTag: string,
  options: WatchOptions,
  output: Output,
): Promise<number> {
  // Says at once what is wrong with the id or the address, instead of trying for ever.
  const execution = await client.executions.get(idOrTag);
  const { lastEventId, since, types, routes } = options;
  const asEvents =
    options.json || options.events || [lastEventId, since, types, routes].some((choice) => choice !== undefined);
  const stop = new AbortController();
  const interrupted = onInterrupt(client, execution.id, options, stop, output);
  const watch = { client, execution, options, output, signal: stop.signal };
  const { status, shown } = await (asEvents ? followEvents(watch) : followProgress(watch));
  if (stop.signal.aborted) return 130;
  const last = await client.executions.get(execution.id).catch((error: unknown) => {
    // The stream has said how it ended; a service that has gone since then takes nothing back.
    if (status !== null && isTerminal(status)) return null;
    throw error;
  });
  const known = status !== null && isTerminal(status) ? status : (last?.status ?? "running");
  if (!options.json) await summarize(watch, last, known, shown);
  return interrupted() ? 130 : exitCodeOfStatus(known);
}

interface Watch {
  readonly client: Client;
  readonly execution: ExecutionDetail;
  readonly options: WatchOptions;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** How a watch ended: the last status that the stream told of, and the run as it was shown live, if it was. */
interface Watched {
  readonly status: ExecutionStatus | null;
  readonly shown: WatchedRun | null;
}

const INTERRUPTED = "The execution is interrupted; waiting for it to be taken up again, or cancelled.";

/** An event a line, for scripts or for people. */
async function followEvents({ client, execution, options, output, signal }: Watch): Promise<Watched> {
  const { json, lastEventId, since, types, routes } = options;
  let status: ExecutionStatus | null = null;
  let id = lastEventId ?? null;
  let toldInterrupted = false;
  const events = client.executions.events(execution.id, {
    timeoutS: 3600,
    signal,
    lastEventId,
    since,
    types,
    routes,
    onState: (state) => tellState(state, output),
  });
  for await (const event of events) {
    if (event.id !== "") id = event.id;
    if (event.type === "end") {
      if (json) output.line(endAsJson(id, execution.id, event));
      status = event.status ?? status;
      if (event.reason === "interrupted" && !toldInterrupted) output.note(INTERRUPTED);
      toldInterrupted ||= event.reason === "interrupted";
    } else if (json) output.line(eventAsJson(event));
    else if (event.type !== "gap") output.line(eventAsText(event));
    if (event.type === "gap") output.note(`Events before ${event.resumes_after} were removed by retention.`);
  }
  if (json && !signal.aborted && (status === null || !isTerminal(status))) {
    // Nothing came after the cursor: the stream was over before it began.
    const { status: last } = await client.executions.get(execution.id);
    if (isTerminal(last)) output.line(endAsJson(id, execution.id, { reason: last, status: last }));
  }
  return { status, shown: null };
}

/** The state of the run, which the service folds: what it costs does not depend on how many events there are. */
async function followProgress({ client, execution, output, signal }: Watch): Promise<Watched> {
  const live = output.isTerminal;
  const run = new WatchedRun(client, execution);
  const upstream = upstreamOf(execution.config_snapshot.document);
  const display = new RunDisplay(output, live ? "live" : "lines", upstream, () => run.moment);
  let toldInterrupted = false;
  try {
    const states = client.executions.progress(execution.id, {
      timeoutS: 3600,
      signal,
      onState: (state) => {
        run.connection = state;
        if (!live) tellState(state, output);
      },
    });
    for await (const state of states) {
      run.show(state);
      if (state.status === "interrupted" && !toldInterrupted) output.note(INTERRUPTED);
      toldInterrupted = state.status === "interrupted";
    }
    if (!signal.aborted) await run.end();
  } finally {
    run.stop();
    display.close();
  }
  return { status: run.status, shown: live ? run : null };
}

async function summarize(
  { client, execution, output }: Watch,
  last: ExecutionDetail | null,
  status: ExecutionStatus,
  shown: WatchedRun | null,
): Promise<void> {
  const stats = await client.executions.stats(execution.id).catch(() => null);
  const state = shown?.moment.state;
  const routes = stats?.routes.filter(({ total_messages: total }) => total > 0);
  printSummary(output, {
    status,
    errorInfo: last?.error_info ?? null,
    elapsedMs: stats?.duration_ms ?? 0,
    done: stats?.completed_messages ?? state?.done ?? 0,
    failed: stats?.failed_messages ?? state?.failed ?? 0,
    routes:
      shown !== null || routes === undefined
        ? null
        : routes.map(({ route, completed_messages: done, failed_messages: failed, retries }) => ({
            route,
            done,
            failed,
            retries,
          })),
  });
}

function tellState(state: StreamState, output: Output): void {
  if (state.state !== "waiting" || state.reason === "timeout" || state.reason === "interrupted") return;
  output.note(describeLoss(state));
}

/** Returns whether an interrupt has cancelled the run. */
function onInterrupt(
  client: Client,
  id: string,
  options: WatchOptions,
  stop: AbortController,
  output: Output,
): () => boolean {
  let interrupted = false;
  onSignals(
    ["SIGINT", "SIGTERM"],
    () => {
      interrupted = true;
      if (!options.cancel) {
        const at = serviceFlags(options);
        output.note(`Left the watch; the run goes on. To cancel it: npx millrace executions cancel ${id}${at}`);
        stop.abort();
        return;
      }
      output.note("Cancelling the run; Ctrl-C once more leaves at once.");
      client.executions.cancel(id).catch((error: unknown) => {
        output.note(`It cannot be cancelled: ${error instanceof Error ? printable(error.message) : error}`);
      });
    },
    () => process.exit(130),
  );
  return () => interrupted;
}
