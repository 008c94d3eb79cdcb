import ansiEscapes from "ansi-escapes";
import { createLogUpdate } from "log-update";
import { widthOf } from "./text-width.ts";

type Write = NodeJS.WriteStream["write"];

/**
 * The last lines of a terminal, drawn again and again in place. Whatever else is written while it is there (a note, a
 * line of the log, an adapter's `console.log`) goes above it. The cursor is hidden, and shown again however the process
 * ends, short of SIGKILL.
 */
export class LiveArea {
  readonly #render: () => readonly string[];
  readonly #restore: (() => void)[] = [];
  readonly #write: Write;
  readonly #update: ReturnType<typeof createLogUpdate>;
  #lines: readonly string[] = [];
  #columns = process.stdout.columns;

  /** `render` is asked for the lines; they have to fit into the terminal. */
  constructor(render: () => readonly string[]) {
    this.#render = render;
    const { stdout, stderr } = process;
    this.#write = stdout.write.bind(stdout);
    // It writes past what is set aside below, and what it does to the cursor is done here.
    const direct: NodeJS.WritableStream = Object.create(stdout, { write: { value: this.#write } });
    this.#update = createLogUpdate(direct, { showCursor: true });
    this.#divert(stdout);
    if (stderr.isTTY) this.#divert(stderr);
    this.#listen("resize", () => this.#resized(), stdout);
    this.#listen("exit", () => this.#write(ansiEscapes.cursorShow), process);
    this.#listen("SIGTSTP", () => this.#suspend(), process);
    this.#listen("SIGCONT", () => this.#resume(), process);
    for (const signal of ["SIGHUP", "SIGQUIT"] as const) this.#listen(signal, () => this.#die(signal), process);
    this.#write(ansiEscapes.cursorHide);
  }

  /** Draws it. */
  draw(): void {
    const lines = this.#render();
    this.#update(lines.join("\n"));
    this.#lines = lines;
    this.#columns = process.stdout.columns;
  }

  /** Takes it away; `last` stays in its place. */
  close(last: readonly string[]): void {
    this.#update.clear();
    for (const restore of this.#restore.splice(0)) restore();
    this.#write(`${last.map((line) => `${line}\n`).join("")}${ansiEscapes.cursorShow}`);
  }

  /** Puts what others write above the area: whole lines, each when it is complete. */
  #divert(stream: NodeJS.WriteStream): void {
    const { write } = stream;
    let unfinished = "";
    const above = (text: string) => {
      unfinished += text;
      const end = unfinished.lastIndexOf("\n") + 1;
      if (end === 0) return;
      this.#update.clear();
      write.call(stream, unfinished.slice(0, end));
      unfinished = unfinished.slice(end);
      this.draw();
    };
    stream.write = (chunk: string | Uint8Array, encoding?: unknown, done?: unknown): boolean => {
      above(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
      const told = typeof encoding === "function" ? encoding : done;
      if (typeof told === "function") process.nextTick(told);
      return true;
    };
    this.#restore.push(() => {
      stream.write = write;
      if (unfinished !== "") write.call(stream, `${unfinished}\n`);
    });
  }

  #listen(event: string, listener: () => void, emitter: NodeJS.EventEmitter): void {
    emitter.on(event, listener);
    this.#restore.push(() => emitter.off(event, listener));
  }

  /** A terminal that became narrower has broken the lines anew: there are more of them to erase than were written. */
  #resized(): void {
    const { columns } = process.stdout;
    if (columns < this.#columns) {
      const broken = this.#lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
      this.#write(ansiEscapes.eraseLines(broken - this.#lines.length + 1));
    }
    this.draw();
  }

  #suspend(): void {
    this.#write(ansiEscapes.cursorShow);
    // SIGTSTP has a listener, so it has not stopped the process.
    process.kill(process.pid, "SIGSTOP");
  }

  #resume(): void {
    this.#write(ansiEscapes.cursorHide);
    this.#update.done();
    this.draw();
  }

  #die(signal: NodeJS.Signals): void {
    this.#write(ansiEscapes.cursorShow);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
}
