import { emitKeypressEvents } from "node:readline";
import ansiEscapes from "ansi-escapes";
import { TerminalHold } from "./terminal-hold.ts";

/** A key that was pressed: its name (`up`, `return`, `c`, …), and what it writes, if it writes anything. */
export interface Key {
  readonly name: string;
  readonly text: string;
  readonly ctrl: boolean;
}

const BEGIN_UPDATE = "\u001b[?2026h";
const END_UPDATE = "\u001b[?2026l";

/** The whole of a terminal, on its other screen: what was there comes back when it is closed. */
export class FullScreen {
  readonly #render: (size: { readonly columns: number; readonly rows: number }) => readonly string[];
  readonly #hold: TerminalHold;
  readonly #restore: (() => void)[] = [];
  #shown = "";
  #closed = false;

  /** `render` is asked for the lines, as many as fit; `press` is told of keys, where there is a keyboard. */
  constructor(
    render: (size: { readonly columns: number; readonly rows: number }) => readonly string[],
    press: (key: Key) => void,
  ) {
    this.#render = render;
    const { stdin, stdout } = process;
    this.#hold = new TerminalHold(
      (text) => void stdout.write(text),
      ansiEscapes.enterAlternativeScreen + ansiEscapes.cursorHide,
      ansiEscapes.exitAlternativeScreen + ansiEscapes.cursorShow,
      () => {
        if (stdin.isTTY) stdin.setRawMode(true);
        this.draw(true);
      },
    );
    const resized = () => this.draw(true);
    stdout.on("resize", resized);
    this.#restore.push(() => stdout.off("resize", resized));
    if (stdin.isTTY) this.#listen(press);
  }

  /** Draws it, if anything has changed; `anew` in any case. Nothing is drawn once it is closed. */
  draw(anew = false): void {
    if (this.#closed) return;
    const { columns, rows } = process.stdout;
    const lines = this.#render({ columns, rows }).slice(0, rows);
    const text = lines.map((line) => line + ansiEscapes.eraseEndLine).join("\r\n");
    if (text === this.#shown && !anew) return;
    this.#shown = text;
    // All of it in one go, over what was there: nothing is blank in between.
    process.stdout.write(BEGIN_UPDATE + ansiEscapes.cursorTo(0, 0) + text + ansiEscapes.eraseDown + END_UPDATE);
  }

  /** Gives the terminal back. */
  close(): void {
    this.#closed = true;
    for (const restore of this.#restore.splice(0)) restore();
    this.#hold.release();
  }

  #listen(press: (key: Key) => void): void {
    const { stdin } = process;
    const onKey = (text: string | undefined, key: { name?: string; ctrl?: boolean }) => {
      if (key.ctrl === true && key.name === "z") {
        stdin.setRawMode(false);
        this.#hold.suspend();
      } else press({ name: key.name ?? text ?? "", text: text ?? "", ctrl: key.ctrl === true });
    };
    emitKeypressEvents(stdin);
    stdin.setRawMode(true);
    stdin.on("keypress", onKey);
    stdin.resume();
    this.#restore.push(() => {
      stdin.off("keypress", onKey);
      stdin.setRawMode(false);
      stdin.pause();
    });
  }
}
