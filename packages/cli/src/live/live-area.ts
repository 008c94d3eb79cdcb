import ansiEscapes from "ansi-escapes";
import { createLogUpdate } from "log-update";
import { TerminalHold } from "./terminal-hold.ts";
import { widthOf } from "./text-width.ts";

/**
 * The last lines of a terminal, drawn again and again in place, without a cursor. Whatever else is written while it is
 * there (a note, a line of the log, an adapter's `console.log`) goes above it.
 */
export class LiveArea {
  readonly #render: () => readonly string[];
  readonly #write: (text: string) => void;
  readonly #update: ReturnType<typeof createLogUpdate>;
  readonly #hold: TerminalHold;
  readonly #restore: (() => void)[] = [];
  #lines: readonly string[] = [];
  #columns = process.stdout.columns;

  /** `render` is asked for the lines; they have to fit into the terminal. */
  constructor(render: () => readonly string[]) {
    this.#render = render;
    const { stdout, stderr } = process;
    const write = stdout.write.bind(stdout);
    this.#write = (text) => void write(text);
    // It writes past what is diverted below. Hiding the cursor is not left to it: it would write that to stderr.
    const direct: NodeJS.WritableStream = Object.create(stdout, { write: { value: write } });
    this.#update = createLogUpdate(direct, { showCursor: true });
    this.#hold = new TerminalHold(this.#write, ansiEscapes.cursorHide, ansiEscapes.cursorShow, () => {
      // What is above is the shell's: it begins anew below.
      this.#update.done();
      this.draw();
    });
    this.#divert(stdout);
    if (stderr.isTTY) this.#divert(stderr);
    const resized = () => this.#resized();
    stdout.on("resize", resized);
    this.#restore.push(() => stdout.off("resize", resized));
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
    this.#write(last.map((line) => `${line}\n`).join(""));
    this.#hold.release();
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

  /** A terminal that became narrower has broken the lines anew: there are more of them to erase than were written. */
  #resized(): void {
    const { columns } = process.stdout;
    if (columns < this.#columns) {
      const broken = this.#lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
      this.#write(ansiEscapes.eraseLines(broken - this.#lines.length + 1));
    }
    this.draw();
  }
}
