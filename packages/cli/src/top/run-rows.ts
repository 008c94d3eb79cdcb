import { Columns } from "../live/columns.ts";
import { showDuration, showRate } from "../live/figures.ts";
import { openOf, shareOf, stateOfData } from "../live/run-state.ts";
import { STATUS_COLOURS } from "../live/run-table.ts";
import { type Output, printable } from "../output.ts";
import type { ListedRun } from "./run-list.ts";

const BAR = 10;

/** Runs as a table, a line each; `now` is the time (epoch ms) that ages are counted to. */
export function runColumns(
  { paint }: Pick<Output, "paint">,
  runs: readonly ListedRun[],
  width: number,
  now: number,
): Columns<ListedRun> {
  const number = (title: string, dropped: number, cell: (run: ListedRun) => string) => ({
    title,
    dropped,
    cell,
    align: "right" as const,
  });
  return new Columns<ListedRun>(
    [
      {
        title: "status",
        dropped: 0,
        cell: ({ execution }) => execution.status,
        paint: ({ execution }, text) => paint(STATUS_COLOURS[execution.status], text),
      },
      { title: "config", min: 8, max: 30, dropped: 2, cell: (run) => configOf(run) },
      { title: "run", min: 8, max: 36, dropped: 0, cell: ({ execution }) => execution.tag ?? execution.id },
      { title: "progress", dropped: 4, cell: (run) => showProgress(run) },
      number("done", 1, ({ progress }) => (progress === null ? "–" : String(progress.completed))),
      { ...number("to do", 5, ({ progress }) => (progress === null ? "–" : String(openOf(stateOfData(progress))))) },
      {
        ...number("failed", 0, ({ progress }) => (progress === null ? "–" : String(progress.failed))),
        paint: ({ progress }, text) => ((progress?.failed ?? 0) > 0 ? paint("red", text) : text),
      },
      number("rate", 3, ({ progress }) => showRate(progress?.rate ?? null)),
      number("took", 6, (run) => showDuration(tookOf(run, now))),
      number("age", 2, ({ execution }) => showAge(now - Date.parse(execution.started_at))),
    ],
    runs,
    width,
  );
}

/** The name of a run's pipeline. */
export function configOf({ execution }: Pick<ListedRun, "execution">): string {
  const { name } = execution.config_snapshot;
  return typeof name === "string" ? printable(name) : "–";
}

function showProgress({ progress, execution }: ListedRun): string {
  if (progress === null) return "";
  const share = shareOf({ ...stateOfData(progress), status: execution.status });
  if (share === null) return "–";
  const filled = Math.floor(share * BAR);
  return `${"█".repeat(filled)}${"░".repeat(BAR - filled)} ${String(Math.floor(share * 100)).padStart(3)}%`;
}

function tookOf({ execution }: ListedRun, now: number): number {
  const end = execution.completed_at === null ? now : Date.parse(execution.completed_at);
  return end - Date.parse(execution.started_at);
}

/** A time ago, in one unit. */
function showAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
