import { writeSync } from "node:fs";
import { type InspectColor, styleText } from "node:util";
import { widthOf } from "./live/text-width.ts";

/** Where a command writes, and whether a person looks at it. */
export interface Output {
  /** A line on stdout. */
  line(text: string): void;
  /** A line on stderr. */
  note(text: string): void;
  /** Colours a text where stdout shows colours. */
  paint(format: InspectColor | readonly InspectColor[], text: string): string;
  /** Colours a text where stderr shows colours. */
  paintNote(format: InspectColor | readonly InspectColor[], text: string): string;
  /** Whether stdout is a terminal on which the cursor can be moved. */
  readonly isTerminal: boolean;
  readonly width: number;
}

/**
 * The process's own output. A reader that has gone ends the process quietly, as SIGPIPE ends other commands: 0 would say
 * that a run has completed.
 */
export function processOutput(): Output {
  const quit = (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(141);
    try {
      writeSync(2, `millrace: the output cannot be written: ${error.message}\n`);
    } catch {
      // Then there is no one left to tell.
    }
    process.exit(74);
  };
  process.stdout.on("error", quit);
  process.stderr.on("error", quit);
  // One without a size, as under `script` in CI, would be drawn into zero rows: nothing at all.
  const isTerminal = process.stdout.isTTY === true && process.env.TERM !== "dumb" && process.stdout.rows > 0;
  const painter =
    (stream: NodeJS.WriteStream): Output["paint"] =>
    (format, text) =>
      styleText([...(typeof format === "string" ? [format] : format)], text, { stream });
  return {
    line: (text) => process.stdout.write(`${text}\n`),
    note: (text) => process.stderr.write(`${text}\n`),
    paint: painter(process.stdout),
    paintNote: painter(process.stderr),
    isTerminal,
    get width() {
      return process.stdout.columns || 100;
    },
  };
}

/** Rows in columns: numbers to the right, texts to the left; the header in bold. */
export function table(
  output: Pick<Output, "paint">,
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const numeric = header.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number" || row[column] === "–"),
  );
  const widths = header.map((title, column) =>
    Math.max(widthOf(title), ...rows.map((row) => widthOf(printable(String(row[column] ?? ""))))),
  );
  const format = (cells: readonly (string | number)[], paint: (text: string) => string) =>
    cells
      .map((cell, column) => {
        const text = printable(String(cell));
        const space = " ".repeat((widths[column] ?? 0) - widthOf(text));
        return paint(numeric[column] ? space + text : text + space);
      })
      .join("  ")
      .trimEnd();
  return [format(header, (text) => output.paint("bold", text)), ...rows.map((row) => format(row, (text) => text))].join(
    "\n",
  );
}

/** Texts from elsewhere on a terminal: without control characters. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (char) => (char === "\n" || char === "\t" ? " " : "\ufffd"));
}
