import type { Client } from "@millrace/client";
import { isTerminal } from "@millrace/protocol";
import { FullScreen, type Key } from "../live/full-screen.ts";
import { upstreamOf } from "../live/route-links.ts";
import { PaceMeter, paceOfWhole } from "../live/run-pace.ts";
import { renderRun } from "../live/run-table.ts";
import { clip } from "../live/text-width.ts";
import { type Output, printable } from "../output.ts";
import { WatchedRun } from "../watched-run.ts";
import { type ListedRun, RUN_FILTERS, RunList } from "./run-list.ts";
import { configOf, runColumns } from "./run-rows.ts";

const DRAW_MS = 250;

/** One run, opened from the list. */
interface Opened {
  readonly id: string;
  readonly run: WatchedRun;
  readonly meter: PaceMeter;
}

/**
 * All runs of a service on the whole terminal, live. What keys do depends on what is asked: `typing` takes a text to look
 * for, `confirming` a yes to a cancellation, and else they choose a run, or close the opened one.
 */
export class TopScreen {
  readonly #client: Client;
  readonly #output: Output;
  readonly #url: string;
  readonly #list: RunList;
  #screen: FullScreen | null = null;
  #ended: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  /** In the order in which they are shown; sorted with the list, not with each state, so that rows stay to be read. */
  #runs: readonly ListedRun[] = [];
  #sorted = 0;
  #selected: string | null = null;
  #opened: Opened | null = null;
  #confirming: ListedRun | null = null;
  #typing = false;
  #wanted = "";
  #message = "";
  #interrupted = false;

  constructor(client: Client, url: string, output: Output) {
    this.#client = client;
    this.#output = output;
    this.#url = url;
    this.#list = new RunList(client, (data) => {
      if (data !== null && data.execution_id === this.#opened?.id) this.#show(this.#opened, data);
      if (data === null) this.#sorted = 0;
    });
  }

  /** Shows it until it is left; returns whether that was by Ctrl-C. @throws ApiError where there is no service */
  async show(): Promise<boolean> {
    await this.#list.start();
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    this.#screen = new FullScreen(
      (size) => this.#render(size),
      (key) => this.#press(key),
    );
    const leave = () => this.#leave(true);
    process.on("SIGINT", leave).on("SIGTERM", leave);
    this.#timer = setInterval(() => this.#screen?.draw(), DRAW_MS);
    this.#screen.draw();
    await ended;
    process.off("SIGINT", leave).off("SIGTERM", leave);
    return this.#interrupted;
  }

  #leave(interrupted: boolean): void {
    this.#interrupted = interrupted;
    clearInterval(this.#timer);
    this.#list.stop();
    this.#opened?.run.stop();
    this.#screen?.close();
    this.#ended();
  }

  #press(key: Key): void {
    this.#message = "";
    if (key.ctrl) {
      if (key.name === "c") this.#leave(true);
      return;
    }
    if (this.#typing) this.#type(key);
    else if (this.#confirming !== null) this.#answer(this.#confirming, key);
    else if (key.name === "q") this.#leave(false);
    else if (key.name === "c") this.#askToCancel();
    else if (this.#opened !== null) {
      if (["escape", "backspace", "return", "left", "h"].includes(key.name)) this.#close();
    } else this.#choose(key);
    this.#screen?.draw();
  }

  #choose({ name, text }: Key): void {
    const steps: Record<string, number> = { up: -1, k: -1, down: 1, j: 1, pageup: -10, pagedown: 10 };
    const step = steps[name];
    if (text === "G" || name === "end") this.#select(Number.POSITIVE_INFINITY);
    else if (name === "g" || name === "home") this.#select(0);
    else if (step !== undefined) this.#select(this.#selectedAt + step);
    else if (name === "return" || name === "right" || name === "l") void this.#open();
    else if (name === "f") {
      const next = (RUN_FILTERS.indexOf(this.#list.filter) + 1) % RUN_FILTERS.length;
      this.#list.filter = RUN_FILTERS[next] ?? "all";
      this.#sorted = 0;
    } else if (text === "/") this.#typing = true;
    else if (name === "escape") this.#wanted = "";
    if (text === "/" || name === "escape") this.#sorted = 0;
  }

  #type({ name, text }: Key): void {
    if (name === "return" || name === "escape") {
      this.#typing = false;
      if (name === "escape") this.#wanted = "";
    } else if (name === "backspace") this.#wanted = this.#wanted.slice(0, -1);
    else if (/^[^\p{Cc}]+$/u.test(text)) this.#wanted += text;
    this.#sorted = 0;
  }

  #askToCancel(): void {
    const opened = this.#opened;
    const run =
      opened === null
        ? this.#runs[this.#selectedAt]
        : this.#list.runs.find(({ execution }) => execution.id === opened.id);
    if (run === undefined) return;
    if (isTerminal(run.execution.status)) this.#message = `It is over: ${run.execution.status}.`;
    else this.#confirming = run;
  }

  #answer(run: ListedRun, { name }: Key): void {
    this.#confirming = null;
    if (name !== "y") {
      this.#message = "Not cancelled.";
      return;
    }
    this.#message = "Cancelling.";
    this.#client.executions.cancel(run.execution.id).then(
      ({ message }) => {
        this.#message = message;
        this.#list.refresh();
      },
      (error: unknown) => {
        this.#message = `Not cancelled: ${error instanceof Error ? error.message : error}`;
      },
    );
  }

  get #selectedAt(): number {
    return Math.max(
      0,
      this.#runs.findIndex(({ execution }) => execution.id === this.#selected),
    );
  }

  #select(at: number): void {
    this.#selected = this.#runs[Math.max(0, Math.min(this.#runs.length - 1, at))]?.execution.id ?? null;
  }

  async #open(): Promise<void> {
    const run = this.#runs[this.#selectedAt];
    if (run === undefined) return;
    const { id } = run.execution;
    this.#selected = id;
    try {
      const execution = await this.#client.executions.get(id);
      const opened = {
        id,
        run: new WatchedRun(this.#client, execution),
        meter: new PaceMeter(upstreamOf(execution.config_snapshot.document)),
      };
      opened.run.connection = { state: "connected" };
      if (run.progress !== null) this.#show(opened, run.progress);
      this.#opened = opened;
    } catch (error) {
      this.#message = error instanceof Error ? error.message : String(error);
    }
    this.#screen?.draw();
  }

  #show({ run }: Opened, data: NonNullable<ListedRun["progress"]>): void {
    run.show(data);
    if (isTerminal(data.status)) void run.end();
  }

  #close(): void {
    this.#opened?.run.stop();
    this.#opened = null;
  }

  #render({ columns, rows }: { readonly columns: number; readonly rows: number }): string[] {
    this.#sort();
    const foot = this.#foot(columns);
    const body =
      this.#opened === null ? this.#listLines(columns, rows - 1) : this.#runLines(this.#opened, columns, rows - 1);
    while (body.length < rows - 1) body.push("");
    return [...body.slice(0, rows - 1), foot];
  }

  #runLines({ run, meter }: Opened, columns: number, rows: number): string[] {
    const { moment } = run;
    const problem = this.#list.problem;
    const note = problem === null ? {} : { note: printable(problem) };
    const { state, elapsedMs } = moment;
    const pace = isTerminal(state.status) ? paceOfWhole(state, elapsedMs) : meter.measure(state, performance.now());
    return renderRun(this.#output, { ...moment, ...note, pace }, { columns, rows });
  }

  #listLines(columns: number, rows: number): string[] {
    const { paint } = this.#output;
    const table = runColumns(this.#output, this.#runs, columns, Date.now());
    const lines = [clip(this.#head(), columns), paint("bold", table.head)];
    if (this.#runs.length === 0)
      lines.push(paint("dim", clip(this.#list.total === 0 ? "There are no runs yet." : "No run fits.", columns)));
    const room = Math.max(1, rows - lines.length);
    const at = this.#selectedAt;
    const from = Math.max(0, Math.min(at - Math.floor(room / 2), this.#runs.length - room));
    for (const [index, run] of this.#runs.slice(from, from + room).entries()) {
      const line = table.line(run);
      lines.push(from + index === at ? paint("inverse", line) : line);
    }
    return lines;
  }

  #head(): string {
    const { paint } = this.#output;
    const count = (status: string) => this.#runs.filter(({ execution }) => execution.status === status).length;
    const parts = [paint("bold", "millrace"), this.#url, `${count("running")} running`, `${this.#list.total} in all`];
    if (this.#list.filter !== "all") parts.push(paint("yellow", `only ${this.#list.filter}`));
    if (this.#wanted !== "" && !this.#typing) parts.push(paint("yellow", `with "${printable(this.#wanted)}"`));
    const problem = this.#list.problem;
    if (problem !== null) parts.push(paint("red", printable(problem)));
    return parts.join("  ");
  }

  #foot(columns: number): string {
    const { paint } = this.#output;
    if (this.#typing) return clip(`Find: ${printable(this.#wanted)}_   enter keeps it, escape shows all`, columns);
    if (this.#confirming !== null) {
      const { tag, id } = this.#confirming.execution;
      const question = `Cancel ${tag ?? id} (${configOf(this.#confirming)})? y cancels it, any other key does not`;
      return paint(["bold", "yellow"], clip(question, columns));
    }
    if (this.#message !== "") return clip(printable(this.#message), columns);
    const keys =
      this.#opened === null
        ? `↑↓ select  enter open  c cancel  f ${RUN_FILTERS.join("/")}  / find  q leave`
        : "escape back  c cancel  q leave";
    return paint("dim", clip(keys, columns));
  }

  #sort(): void {
    const now = performance.now();
    const fresh = new Map(this.#list.runs.map((run) => [run.execution.id, run]));
    if (this.#sorted !== 0 && now - this.#sorted < 2_000) {
      // In the old order, with what is known now.
      this.#runs = this.#runs.flatMap(({ execution }) => fresh.get(execution.id) ?? []);
      return;
    }
    this.#sorted = now;
    const wanted = this.#wanted.toLowerCase();
    this.#runs = [...fresh.values()].filter(
      (run) =>
        wanted === "" ||
        [run.execution.id, run.execution.tag ?? "", configOf(run)].some((text) => text.toLowerCase().includes(wanted)),
    );
  }
}
