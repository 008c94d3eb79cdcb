import { type ExecutionStatus, isTerminal } from "@millrace/protocol";
import { type Output, printable } from "../output.ts";
import { Columns } from "./columns.ts";
import { showDuration, showEta, showRate } from "./figures.ts";
import type { ErrorLine } from "./last-errors.ts";
import type { Pace, RunPace } from "./run-pace.ts";
import { type Counts, openOf, type RunState, shareOf } from "./run-state.ts";
import { clip, widthOf } from "./text-width.ts";

/** What is shown of a run. */
export interface RunPicture {
  /** What it is called: the pipeline's name, a tag. */
  readonly title: string;
  readonly state: RunState;
  readonly pace: RunPace;
  readonly errors: readonly ErrorLine[];
  readonly elapsedMs: number;
  /** What else there is to know, as how the connection is. */
  readonly note?: string;
}

/** Where it is shown; without `rows` there is room for all of it. */
export interface Room {
  readonly columns: number;
  readonly rows?: number;
}

/** The colour that says a status. */
export const STATUS_COLOURS = {
  completed: "green",
  failed: "red",
  cancelled: "yellow",
  interrupted: "yellow",
  running: "cyan",
} as const satisfies Record<ExecutionStatus, string>;

const SHOWN_ERRORS = 5;
const BAR_COLUMNS = 40;

type Row = Counts & Pace & { readonly route: string };

/** A run as lines, none wider than the room and no more than fit into it. */
export function renderRun({ paint }: Pick<Output, "paint">, picture: RunPicture, room: Room): string[] {
  const { state, pace } = picture;
  const rows = state.routes.map((route): Row => ({ ...route, ...(pace.routes.get(route.route) ?? UNKNOWN) }));
  const status = paint(["bold", STATUS_COLOURS[state.status]], state.status);
  const top = [paint("bold", printable(picture.title)), status, ...(picture.note === undefined ? [] : [picture.note])];
  const lines = [clip(top.join("  "), room.columns)];
  if (rows.length === 0) return lines;
  const bar = progressBar({ paint }, picture, room.columns);

  // Head, titles, one route and the bar come before errors; these before the other routes.
  const budget = room.rows ?? Number.POSITIVE_INFINITY;
  const errors = picture.errors.slice(0, Math.max(0, Math.min(SHOWN_ERRORS, budget - 4, Math.floor(budget / 3))));
  const shown = pickRows(rows, Math.max(1, budget - 3 - errors.length));
  const table = new Columns<Row>(columnsOf({ paint }, rows, isTerminal(state.status)), shown.rows, room.columns);
  lines.push(paint("bold", table.head), ...shown.rows.map((row) => table.line(row)));
  if (shown.rest.length > 0) lines.push(paint("dim", clip(describeRest(shown.rest), room.columns)));
  lines.push(bar, ...errors.map((error) => paint("red", clip(describeError(error), room.columns))));
  return lines.slice(0, budget);
}

/** An error in one line. */
export function describeError({ route, code, message, count }: ErrorLine): string {
  return `${printable(route)}: ${count > 1 ? `${count} × ` : ""}${printable(code)}: ${printable(message)}`;
}

const UNKNOWN: Pace = { rate: null, etaMs: null };

function columnsOf({ paint }: Pick<Output, "paint">, rows: readonly Row[], over: boolean) {
  const number = (title: string, short: string, dropped: number, of: (row: Row) => number) => ({
    title,
    short,
    align: "right" as const,
    dropped,
    cell: (row: Row) => String(of(row)),
    paint: (row: Row, text: string) => (of(row) === 0 ? paint("dim", text) : text),
  });
  const columns = [
    { title: "route", min: 8, max: 40, dropped: 0, cell: (row: Row) => printable(row.route) },
    number("queued", "queue", 2, (row) => row.queued),
    number("running", "run", 1, (row) => row.running),
    ...(rows.some((row) => row.retrying > 0) ? [number("retrying", "retry", 4, (row) => row.retrying)] : []),
    number("done", "done", 0, (row) => row.done),
    {
      ...number("failed", "fail", 0, (row) => row.failed),
      paint: (row: Row, text: string) => paint(row.failed === 0 ? "dim" : "red", text),
    },
    { title: "rate", align: "right" as const, dropped: 3, cell: (row: Row) => showRate(row.rate) },
    ...(over ? [] : [{ title: "ETA", align: "right" as const, dropped: 5, cell: (row: Row) => showEta(row.etaMs) }]),
  ];
  return columns;
}

/** Where there is no room for all routes, those are shown in which most goes on; in the pipeline's order all the same. */
function pickRows(rows: readonly Row[], room: number): { rows: readonly Row[]; rest: readonly Row[] } {
  if (rows.length <= room) return { rows, rest: [] };
  const rank = (row: Row) =>
    (row.running + row.retrying > 0 ? 4 : 0) + (row.queued > 0 ? 2 : 0) + (row.failed > 0 ? 1 : 0);
  const chosen = new Set(rows.toSorted((a, b) => rank(b) - rank(a)).slice(0, Math.max(1, room - 1)));
  return { rows: rows.filter((row) => chosen.has(row)), rest: rows.filter((row) => !chosen.has(row)) };
}

function describeRest(rest: readonly Row[]): string {
  const sum = (of: (row: Row) => number) => rest.reduce((total, row) => total + of(row), 0);
  const parts = [`${sum(openOf)} to do`, `${sum((row) => row.done)} done`, `${sum((row) => row.failed)} failed`];
  return `… ${rest.length} more ${rest.length === 1 ? "route" : "routes"}: ${parts.join(", ")}`;
}

function progressBar({ paint }: Pick<Output, "paint">, picture: RunPicture, columns: number): string {
  const { state, pace, elapsedMs } = picture;
  const settled = state.done + state.failed;
  const share = shareOf(state);
  const many = share === null ? `${settled}` : `${settled} of ${settled + openOf(state)}`;
  const label = `${many} ${many === "1" ? "message" : "messages"}  ${showDuration(elapsedMs)}`;
  const more = [
    ...(pace.rate === null ? [] : [showRate(pace.rate)]),
    ...(pace.etaMs === null ? [] : [`ETA ${showEta(pace.etaMs)}`]),
  ];
  const texts = [[label, ...more].join("  "), [label, ...more.slice(-1)].join("  "), label];
  const fitting = texts.find((text) => widthOf(text) + 11 <= columns);
  if (share === null || fitting === undefined)
    return clip(texts.find((text) => widthOf(text) <= columns) ?? label, columns);
  const width = Math.min(BAR_COLUMNS, columns - widthOf(fitting) - 1);
  const filled = Math.floor(share * width);
  return `${paint("green", "█".repeat(filled))}${paint("dim", "░".repeat(width - filled))} ${fitting}`;
}
