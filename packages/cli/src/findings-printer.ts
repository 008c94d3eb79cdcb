import type { Finding, ValidationReport } from "@millrace/protocol";
import { widthOf } from "./live/text-width.ts";
import type { Output } from "./output.ts";
import { printable } from "./output.ts";

/** Prints a report like a compiler: `file:line:column: error CODE: …`, the line with a mark below it, and what to do. */
export function printFindings(
  output: Pick<Output, "paint">,
  file: string,
  source: string,
  report: ValidationReport,
): string[] {
  const lines = source.split(/\r?\n/);
  return report.issues.flatMap((finding) => printFinding(output, file, lines, finding));
}

function printFinding(
  output: Pick<Output, "paint">,
  file: string,
  lines: readonly string[],
  finding: Finding,
): string[] {
  const { severity, code, line, column, message, suggestion } = finding;
  const colour = severity === "error" ? "red" : "yellow";
  const place = output.paint("bold", `${file}:${line}:${column}:`);
  const printed = [`${place} ${output.paint(colour, `${severity} ${code}`)}: ${printable(message)}`];
  const text = lines[line - 1];
  if (text !== undefined && text.trim() !== "") {
    const { shown, offset } = excerpt(text, column);
    const gutter = `${line} | `;
    printed.push(output.paint("dim", gutter) + printable(shown));
    printed.push(`${" ".repeat(gutter.length + widthOf(shown.slice(0, offset)))}${output.paint(colour, "^")}`);
  }
  if (suggestion !== null) printed.push(`  ${output.paint("cyan", "help")}: ${printable(suggestion)}`);
  return printed;
}

/** A line's part around a column, so that long ones fit. */
function excerpt(text: string, column: number): { shown: string; offset: number } {
  const from = column > 100 ? column - 60 : 0;
  return { shown: text.slice(from, from + 160), offset: column - 1 - from };
}

/** One line that sums up. */
export function summarizeReport(report: ValidationReport): string {
  if (report.error_count + report.warning_count === 0) return "no findings";
  return `${count(report.error_count, "error")}, ${count(report.warning_count, "warning")}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
