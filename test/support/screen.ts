import xterm from "@xterm/headless";

/** What terminal.py writes where it changes the terminal's size. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is made of control characters.
const RESIZED = /\u001b\]7777;(\d+);(\d+)\u0007/;

/** What such a mark begins with. */
const MARK = "\u001b]7777;";

/** A terminal that shows what a command has written to it, as a person would see it. */
export class Screen {
  readonly #terminal: xterm.Terminal;
  #unfinished = "";

  constructor({ rows = 24, columns = 80 } = {}) {
    this.#terminal = new xterm.Terminal({ rows, cols: columns, scrollback: 10_000, allowProposedApi: true });
  }

  /** Shows an output, changes of the size included. */
  static async of(output: string, size: { rows?: number; columns?: number } = {}): Promise<Screen> {
    const screen = new Screen(size);
    await screen.write(output);
    return screen;
  }

  /** Shows more of it. */
  async write(output: string): Promise<void> {
    // The mark of a change of the size may come in two parts.
    const text = this.#unfinished + output;
    const last = text.lastIndexOf("\u001b");
    const cut = last >= 0 && MARK.startsWith(text.slice(last, last + MARK.length)) && text.indexOf("\u0007", last) < 0;
    const end = cut ? last : text.length;
    this.#unfinished = text.slice(end);
    const parts = text.slice(0, end).split(RESIZED);
    for (let at = 0; at < parts.length; at += 3) {
      await this.#show(parts[at] ?? "");
      const [rows, columns] = [Number(parts[at + 1]), Number(parts[at + 2])];
      if (rows > 0) this.#terminal.resize(columns, rows);
    }
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

  /** Whether the cursor is to be seen. */
  get cursor(): boolean {
    // The public interface does not tell.
    return !(this.#terminal as unknown as { _core: { coreService: { isCursorHidden: boolean } } })._core.coreService
      .isCursorHidden;
  }

  #show(text: string): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(text, resolve));
  }
}
