import {
  type ErrorInfo,
  foldEnded,
  foldEvent,
  type KeepPayloads,
  type Progress,
  type TerminalStatus,
} from "@millrace/protocol";
import type { ExecutionRecord, Journal, WorkQueue } from "../ports.ts";
import { dropInterrupted } from "./drop-interrupted.ts";
import { foldJournal } from "./fold-journal.ts";
import { routesThatKeep } from "./keeps-all.ts";
import { progressToJson } from "./progress-json.ts";

/** Ends an interrupted execution without taking it up: nothing of it is at work. `now` is the time in epoch ms. */
export async function endInterrupted(
  record: ExecutionRecord,
  end: { readonly status: TerminalStatus; readonly errorInfo: ErrorInfo | null },
  host: { readonly journal: Journal; readonly work: WorkQueue; readonly keepPayloads: KeepPayloads; now(): number },
): Promise<Progress> {
  const { status, errorInfo } = end;
  const { journal, work, now } = host;
  const progress = await foldJournal(journal, record);
  const at = new Date(now()).toISOString();
  const { events, changes } = await dropInterrupted(work, record, progress, at);
  for (const event of events) foldEvent(progress, event);
  foldEnded(progress);
  await journal.append({
    executionId: record.id,
    events,
    changes,
    lifecycle: { kind: "ended", at, status },
    keepWaiting: routesThatKeep(record.configSnapshot, host.keepPayloads),
    record: {
      status,
      completedAt: at,
      stopping: null,
      // Why it could not go on is nothing that is wrong with one that is declared completed.
      errorInfo: errorInfo ?? (status === "completed" ? null : record.errorInfo),
      progressJson: progressToJson(progress),
    },
  });
  return progress;
}
