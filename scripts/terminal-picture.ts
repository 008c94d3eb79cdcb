/**
 * Draws docs/images/run.svg: a real `millrace run` in a real terminal, near its end. `node scripts/terminal-picture.ts`
 *
 * The colours are those of the dashboard's dark theme; the font is whatever monospace the reader has.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import xterm, { type IBufferCell, type Terminal } from "@xterm/headless";

const ROOT = join(import.meta.dirname, "..");
const COMMAND = "npx millrace run examples/readmes.yaml";
const SIZE = { rows: 12, columns: 84 };
/** The picture is of the first moment at which so much is done and the ETA is known. */
const ENOUGH = 300;
const ETA = / \d+ s$/m;

/** Where a frame ends. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is an escape sequence.
const FRAME_END = /(?<=\u001b\[\?2026l)/;

const CELL = { width: 8.43, height: 20 };
const MARGIN = { left: 22, top: 62, bottom: 18 };
const FOREGROUND = "#d4d4d8";
const PALETTE: Record<number, string> = { 1: "#f87171", 2: "#4ade80", 3: "#fbbf24", 6: "#67e8f9" };
const DIM = "#71717a";

const terminal = await capture();
writeFileSync(join(ROOT, "docs", "images", "run.svg"), draw(terminal));

/** Runs it, and stops the picture where the bar is long enough. */
async function capture(): Promise<Terminal> {
  const data = mkdtempSync(join(tmpdir(), "millrace-picture-"));
  const screen = new xterm.Terminal({ rows: SIZE.rows, cols: SIZE.columns, allowProposedApi: true });
  const spec = {
    command: [process.execPath, "packages/cli/bin/millrace.js", "run", "examples/readmes.yaml", "--data-dir", data],
    ...SIZE,
    keys: [],
  };
  const child = spawn("python3", [join(ROOT, "test", "support", "terminal.py"), JSON.stringify(spec)], {
    cwd: ROOT,
    env: { ...process.env, TERM: "xterm-256color", FORCE_COLOR: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    for await (const chunk of child.stdout) {
      // A frame at a time, so that none is caught half drawn.
      for (const frame of String(chunk).split(FRAME_END)) {
        await new Promise<void>((resolve) => screen.write(frame, resolve));
        const shown = lines(screen).join("\n");
        const [, settled, all] = /(\d+) of (\d+) messages/.exec(shown) ?? [];
        if (Number(settled) > ENOUGH && Number(settled) < Number(all) * 0.99 && ETA.test(shown)) return screen;
      }
    }
    throw new Error(`There was no such moment; this is how it ended:\n${lines(screen).join("\n")}`);
  } finally {
    child.kill("SIGKILL");
    rmSync(data, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

function lines(screen: Terminal): string[] {
  const { active } = screen.buffer;
  return Array.from({ length: SIZE.rows }, (_, y) => active.getLine(y)?.translateToString(true) ?? "");
}

function draw(screen: Terminal): string {
  const shown = lines(screen);
  const rows = shown.findLastIndex((line) => line !== "") + 1;
  const width = Math.ceil(SIZE.columns * CELL.width) + 2 * MARGIN.left;
  const full = MARGIN.top + rows * CELL.height + MARGIN.bottom;
  const text = (row: number, spans: string) =>
    `<text x="${MARGIN.left}" y="${MARGIN.top + row * CELL.height}" xml:space="preserve">${spans}</text>`;
  const prompt = `<tspan fill="#52525b">$ </tspan><tspan fill="#93c5fd">${xml(COMMAND)}</tspan>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${full}" width="${width}" height="${full}" role="img" aria-label="${xml(`${COMMAND}:\n${shown.slice(0, rows).join("\n")}`)}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">`,
    `<rect width="${width}" height="${full}" rx="10" fill="#18181b"/>`,
    '<circle cx="24" cy="22" r="6" fill="#f87171"/><circle cx="44" cy="22" r="6" fill="#fbbf24"/><circle cx="64" cy="22" r="6" fill="#4ade80"/>',
    text(0, prompt),
    ...Array.from({ length: rows }, (_, y) => text(y + 1, spansOf(screen, y))),
    "</svg>",
    "",
  ].join("\n");
}

/** A row as spans of one look each. Each begins in its own column, so that a font of another width breaks no table. */
function spansOf(screen: Terminal, y: number): string {
  const line = screen.buffer.active.getLine(y);
  const spans: { x: number; look: string; text: string }[] = [];
  for (let x = 0; x < SIZE.columns; x += 1) {
    const cell = line?.getCell(x);
    if (cell === undefined || cell.getWidth() === 0) continue;
    const [look, last] = [lookOf(cell), spans.at(-1)];
    if (last !== undefined && last.look === look) last.text += cell.getChars() || " ";
    else spans.push({ x, look, text: cell.getChars() || " " });
  }
  return spans
    .filter(({ text }) => text.trim() !== "")
    .map(({ x, look, text }) => {
      const start = text.length - text.trimStart().length;
      const at = (MARGIN.left + (x + start) * CELL.width).toFixed(1);
      const shown = text.trim();
      const length = (shown.length * CELL.width).toFixed(1);
      return `<tspan x="${at}" textLength="${length}" lengthAdjust="spacingAndGlyphs" ${look}>${xml(shown)}</tspan>`;
    })
    .join("");
}

function lookOf(cell: IBufferCell): string {
  const colour = cell.isFgPalette() ? (PALETTE[cell.getFgColor()] ?? FOREGROUND) : FOREGROUND;
  const fill = cell.isDim() ? DIM : cell.isBold() && colour === FOREGROUND ? "#fafafa" : colour;
  return `fill="${fill}"${cell.isBold() ? ' font-weight="600"' : ""}`;
}

function xml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
