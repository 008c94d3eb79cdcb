import xterm from "@xterm/headless";

/** What terminal.py writes where it changes the terminal's size. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is made of control characters.
const RESIZED = /\u001b\]7777;(\d+);(\d+)\u0007/;

/** A terminal that shows what a command has written to it, as a person would see it. */
export class Screen {
  readonly #terminal: xterm.Terminal;

  private constructor(rows: number, columns: number) {
    this.#terminal = new xterm.Terminal({ rows, cols: columns, scrollback: 10_000, allowProposedApi: true });
  }

  /** Shows an output, changes of the size included. */
  static async of(output: string, { rows = 24, columns = 80 } = {}): Promise<Screen> {
    const screen = new Screen(rows, columns);
    const parts = output.split(RESIZED);
    for (let at = 0; at < parts.length; at += 3) {
      await screen.#write(parts[at] ?? "");
      const [newRows, newColumns] = [Number(parts[at + 1]), Number(parts[at + 2])];
      if (newRows > 0) screen.#terminal.resize(newColumns, newRows);
    }
    return screen;
  }

  /** All lines, those that were scrolled away as well, without empty ones at the end. A line that was broken is two. */
  get lines(): string[] {
    const { active } = this.#terminal.buffer;
    const lines = Array.from({ length: active.length }, (_, y) => active.getLine(y)?.translateToString(true) ?? "");
    while (lines.at(-1) === "") lines.pop();
    return lines;
  }

  /** The lines in sight. */
  get view(): string[] {
    const { active } = this.#terminal.buffer;
    return this.lines.slice(active.baseY);
  }

  /** Lines that did not fit into the width. */
  get broken(): number {
    const { active } = this.#terminal.buffer;
    return Array.from({ length: active.length }, (_, y) => active.getLine(y)?.isWrapped === true).filter(Boolean)
      .length;
  }

  #write(text: string): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(text, resolve));
  }
}
