import { stripVTControlCharacters, styleText } from "node:util";

const LEVELS: Readonly<Record<number, readonly [name: string, style: Parameters<typeof styleText>[0]]>> = {
  10: ["trace", "dim"],
  20: ["debug", "dim"],
  30: ["info", "green"],
  40: ["warn", "yellow"],
  50: ["error", "red"],
  60: ["fatal", "red"],
};

/** A line of the log for a person: the time, how bad it is, what it says, and its fields behind it. */
export function prettyLine(line: string, colours: boolean): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  const { level, time, msg, err, ...fields } = entry;
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    colours ? styleText(style, text, { validateStream: false }) : text;
  const [name, style] = LEVELS[Number(level)] ?? [String(level), "dim"];
  const said = [
    paint("dim", String(time).slice(11, 23)),
    paint(style, name.padEnd(5)),
    plain(String(msg ?? "")),
    ...Object.entries(fields).map(([key, value]) => paint("dim", `${key}=${shown(value)}`)),
  ];
  return `${said.join(" ")}\n${errorLines(err)}`;
}

/** What others have written must not move the cursor, or end the line. */
function plain(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[\p{Cc}]+/gu, " ");
}

function shown(value: unknown): string {
  return typeof value === "string" && /^[\w.:/-]+$/.test(value) ? value : plain(JSON.stringify(value) ?? "");
}

function errorLines(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const text = "stack" in error ? error.stack : "message" in error ? error.message : JSON.stringify(error);
  return String(text)
    .split("\n")
    .map((line) => `    ${plain(line).trim()}\n`)
    .join("");
}
