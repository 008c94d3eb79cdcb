import type { Client } from "@millrace/client";
import { type ExecutionStatus, isTerminal } from "@millrace/protocol";
import { exitCodeOfStatus } from "./exit-codes.ts";
import { onSignals } from "./interrupts.ts";
import { type Output, printable } from "./output.ts";
import { RunDisplay } from "./run-display.ts";
import { printSummary } from "./run-summary.ts";

/** How an execution is watched. */
export interface WatchOptions {
  readonly lastEventId?: string;
  readonly since?: "now";
  readonly json?: boolean;
}

/** Watches an execution to its end, over whatever happens to the connection; returns the exit code. */
export async function watchExecution(
  client: Client,
  id: string,
  options: WatchOptions,
  output: Output,
): Promise<number> {
  // Says at once what is wrong with the id or the address, instead of trying for ever.
  await client.executions.get(id);
  const live = output.isTerminal && !options.json;
  const display = new RunDisplay(output, options.json ? "json" : live ? "live" : "quiet");
  const stop = new AbortController();
  onSignals(
    ["SIGINT", "SIGTERM"],
    () => stop.abort(),
    () => process.exit(130),
  );
  let status: ExecutionStatus = "running";
  let toldInterrupted = false;
  try {
    const events = client.executions.events(id, {
      timeoutS: 3600,
      signal: stop.signal,
      ...(options.lastEventId === undefined ? {} : { lastEventId: options.lastEventId }),
      ...(options.since === undefined ? {} : { since: options.since }),
      onState: (state) => {
        if (state.state === "waiting" && state.error !== null && !live)
          output.note(`connection lost (${state.error.message}); coming back`);
      },
    });
    for await (const event of events) {
      if (event.type !== "gap" && event.type !== "end") {
        display.add(event);
        if (!options.json && !live) output.line(plainLine(event));
      } else if (options.json) {
        const { type, id: _, ...data } = event;
        output.line(JSON.stringify({ event: type, ...data }));
      }
      if (event.type === "gap") output.note(`Events before ${event.resumes_after} were removed by retention.`);
      if (event.type === "end" && event.reason === "interrupted" && !toldInterrupted) {
        toldInterrupted = true;
        output.note("The execution is interrupted; waiting for it to be taken up again, or cancelled.");
      }
      if (event.type === "end" && event.status !== null) status = event.status;
    }
  } finally {
    display.close();
  }
  if (stop.signal.aborted) return 130;
  const execution = await client.executions.get(id).catch((error: unknown) => {
    // The stream has said how it ended; a service that has gone since then takes nothing back.
    if (isTerminal(status)) return null;
    throw error;
  });
  if (execution !== null && !isTerminal(status)) status = execution.status;
  if (!options.json)
    printSummary(output, {
      status,
      errorInfo: execution?.error_info ?? null,
      progress: display.progress,
      elapsedMs: durationOf(execution) ?? display.elapsedMs,
      beganLate: options.lastEventId !== undefined || options.since !== undefined,
    });
  return exitCodeOfStatus(status);
}

/** How long a run took that is over, in milliseconds, whenever the watch of it began. */
function durationOf(execution: { started_at: string; completed_at: string | null } | null): number | null {
  if (execution === null || execution.completed_at === null) return null;
  return Date.parse(execution.completed_at) - Date.parse(execution.started_at);
}

function plainLine(event: import("@millrace/protocol").ExecutionEvent): string {
  const what = [event.timestamp, event.type.padEnd(10), event.route];
  if (event.type === "processing") what.push(event.adapter);
  if (event.type === "failed")
    what.push(`${event.error.code}: ${printable(event.error.message)}${event.will_retry ? " (will retry)" : ""}`);
  if (event.type === "completed" && Object.keys(event.emitted).length > 0) {
    what.push(
      `→ ${Object.entries(event.emitted)
        .map(([route, count]) => `${count} ${route}`)
        .join(", ")}`,
    );
  }
  return `${what.join("  ")}  ${event.message_id}${event.attempt > 1 ? ` #${event.attempt}` : ""}`;
}
