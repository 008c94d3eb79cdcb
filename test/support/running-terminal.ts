import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { environment } from "./command.ts";
import { MILLRACE } from "./millrace-process.ts";
import { Screen } from "./screen.ts";

/** What surrounds a command in a terminal. */
export interface Surroundings {
  readonly rows?: number;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Longer than anything takes on the slowest machine: so that what is never shown is told with what is. */
const PATIENCE_MS = 60_000;

/** A command in a pseudo terminal, whose screen can be read and whose keys can be pressed while it runs. */
export class RunningTerminal {
  readonly #child: ChildProcess;
  readonly #screen: Screen;
  readonly #ended: Promise<number>;
  #written: Promise<void> = Promise.resolve();
  /** All that it wrote. */
  output = "";

  constructor(command: readonly string[], { rows = 24, columns = 80, env = {} }: Surroundings = {}) {
    const spec = { command, rows, columns, keys: [] };
    this.#child = spawn("python3", [join(import.meta.dirname, "terminal.py"), JSON.stringify(spec)], {
      cwd: join(import.meta.dirname, "..", ".."),
      env: environment({ TERM: "xterm-256color", ...env }),
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#screen = new Screen({ rows, columns });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.output += text;
      this.#written = this.#written.then(() => this.#screen.write(text));
    });
    this.#ended = once(this.#child, "close").then(([code]) => code ?? -1);
  }

  /** `millrace` in a terminal. */
  static millrace(args: readonly string[], surroundings?: Surroundings): RunningTerminal {
    return new RunningTerminal([process.execPath, MILLRACE, ...args], surroundings);
  }

  /** What is on the screen now. */
  async screen(): Promise<Screen> {
    await this.#written;
    return this.#screen;
  }

  /** Resolves with the lines in sight when one of them fits; rejects with what is there when none does for too long. */
  async shows(text: string | RegExp): Promise<string[]> {
    for (const from = performance.now(); ; ) {
      const { view } = await this.screen();
      if (view.some((line) => (typeof text === "string" ? line.includes(text) : text.test(line)))) return view;
      if (this.#child.exitCode !== null) throw new Error(`It ended before it showed ${text}:\n${view.join("\n")}`);
      if (performance.now() - from > PATIENCE_MS) throw new Error(`It does not show ${text}:\n${view.join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Changes the terminal's size; resolves when the text has been written after that. */
  async resize(rows: number, columns: number, text: string): Promise<void> {
    const written = this.output.length;
    this.#child.stdin?.write(`${JSON.stringify({ resize: [rows, columns] })}\n`);
    for (const from = performance.now(); !this.output.slice(written).includes(text); ) {
      if (performance.now() - from > PATIENCE_MS) throw new Error(`${text} is not written again.`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Presses keys. */
  press(keys: string): void {
    this.#child.stdin?.write(`${JSON.stringify({ send: keys })}\n`);
  }

  /** Its exit code, once it has ended and all is shown. */
  async ended(): Promise<number> {
    const code = await this.#ended;
    await this.#written;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
