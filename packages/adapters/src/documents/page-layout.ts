/** A piece of text where a page has it: in points, from the left and from the bottom, as PDF counts. */
export interface Glyphs {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** Of the font. */
  readonly height: number;
}

/** A line, or the part of one that stands in a column. */
interface Line {
  readonly text: string;
  readonly x: number;
  readonly right: number;
  /** Of the base line. */
  readonly y: number;
  readonly height: number;
}

/** Lines that belong together: a paragraph, a heading, a row of a table. */
export interface Block {
  readonly text: string;
  /** In points from the page's left and upper edge. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A gap between columns is at least so many times as wide as the letters are high. */
const COLUMN_GAP = 0.9;

/** A column has at least so many lines, whose widths are at least this part of the region's. */
const COLUMN_LINES = 4;
const COLUMN_WIDTH = 0.2;

/** Regions within regions that are looked at: a page is not nested deeper. */
const MAX_DEPTH = 24;

/**
 * Puts the text of a page into the order in which it is read: column by column where there are columns, else from the
 * top to the bottom. `pageHeight` and the results are in points.
 */
export function layOut(glyphs: readonly Glyphs[], pageHeight: number): Block[] {
  const lines = toLines(glyphs.filter(({ text }) => text !== ""));
  return (cut(lines, 0) ?? [lines]).flatMap((region) => toBlocks(region, pageHeight));
}

/** Joins what stands on one base line, up to the next gap that may be one between columns. */
function toLines(glyphs: readonly Glyphs[]): Line[] {
  const rows: { y: number; height: number; parts: Glyphs[] }[] = [];
  for (const part of [...glyphs].sort((a, b) => b.y - a.y || a.x - b.x)) {
    const row = rows.at(-1);
    const slack = 0.4 * Math.max(1, Math.min(row?.height ?? part.height, part.height));
    if (row !== undefined && Math.abs(row.y - part.y) <= slack) {
      row.parts.push(part);
      row.height = Math.max(row.height, part.height);
    } else rows.push({ y: part.y, height: part.height, parts: [part] });
  }
  return rows.flatMap(({ y, parts }) => {
    const lines: Line[] = [];
    let line: { text: string; x: number; right: number; y: number; height: number } | null = null;
    for (const part of parts.sort((a, b) => a.x - b.x)) {
      const height = Math.max(1, part.height);
      const right = part.x + part.width;
      if (part.text.trim() === "") {
        if (line !== null && part.x - line.right < COLUMN_GAP * height && !line.text.endsWith(" ")) line.text += " ";
        continue;
      }
      if (line === null || part.x - line.right > COLUMN_GAP * height) {
        line = { text: part.text, x: part.x, right, y, height };
        lines.push(line);
        continue;
      }
      const spaced = part.x - line.right > 0.15 * height && !/\s$/.test(line.text) && !/^\s/.test(part.text);
      line.text += spaced ? ` ${part.text}` : part.text;
      line.right = Math.max(line.right, right);
      line.height = Math.max(line.height, height);
    }
    return lines;
  });
}

/** Cuts a region at gaps, between columns or across; null where nothing in it stands in columns. */
function cut(lines: readonly Line[], depth: number): (readonly Line[])[] | null {
  if (lines.length < 2 * COLUMN_LINES || depth >= MAX_DEPTH) return null;
  const columns = cutColumns(lines);
  if (columns !== null) return columns.flatMap((column) => cut(column, depth + 1) ?? [column]);
  const halves = cutAcross(lines);
  if (halves === null) return null;
  const [upper, lower] = halves;
  const inner = [cut(upper, depth + 1), cut(lower, depth + 1)] as const;
  if (inner[0] === null && inner[1] === null) return null;
  return [...(inner[0] ?? [upper]), ...(inner[1] ?? [lower])];
}

function cutColumns(lines: readonly Line[]): [Line[], Line[]] | null {
  const left = Math.min(...lines.map(({ x }) => x));
  const right = Math.max(...lines.map((line) => line.right));
  const least = COLUMN_GAP * median(lines.map(({ height }) => height));
  let best: { at: number; width: number } | null = null;
  let reached = left;
  for (const line of [...lines].sort((a, b) => a.x - b.x)) {
    const width = line.x - reached;
    if (width >= least && (best === null || width > best.width)) best = { at: reached + width / 2, width };
    reached = Math.max(reached, line.right);
  }
  if (best === null) return null;
  const { at } = best;
  const sides: [Line[], Line[]] = [lines.filter(({ x }) => x < at), lines.filter(({ x }) => x >= at)];
  const isColumn = (side: readonly Line[]) =>
    side.length >= COLUMN_LINES && median(side.map(({ x, right: end }) => end - x)) >= COLUMN_WIDTH * (right - left);
  return sides.every(isColumn) ? sides : null;
}

/** At the widest gap between lines, so that what spans all columns is by itself. */
function cutAcross(lines: readonly Line[]): [Line[], Line[]] | null {
  const sorted = [...lines].sort((a, b) => b.y - a.y);
  let best: { index: number; gap: number } | null = null;
  let lowest = sorted[0]?.y ?? 0;
  for (const [index, line] of sorted.entries()) {
    const gap = lowest - (line.y + line.height);
    if (index > 0 && gap > 0 && (best === null || gap > best.gap)) best = { index, gap };
    lowest = Math.min(lowest, line.y);
  }
  return best === null ? null : [sorted.slice(0, best.index), sorted.slice(best.index)];
}

function toBlocks(region: readonly Line[], pageHeight: number): Block[] {
  const rows: Line[][] = [];
  for (const line of [...region].sort((a, b) => b.y - a.y || a.x - b.x)) {
    const row = rows.at(-1);
    if (row?.[0] !== undefined && Math.abs(row[0].y - line.y) <= 0.4 * line.height) row.push(line);
    else rows.push([line]);
  }
  const steps = rows.slice(1).map((row, index) => (rows[index]?.[0]?.y ?? 0) - (row[0]?.y ?? 0));
  const usual = median(steps.filter((step) => step > 0));
  const blocks: Line[][] = [];
  for (const [index, row] of rows.entries()) {
    const lines = row.sort((a, b) => a.x - b.x);
    const height = Math.max(...lines.map((line) => line.height));
    const step = index === 0 ? 0 : (steps[index - 1] ?? 0);
    const before = blocks.at(-1);
    const otherSize = before !== undefined && Math.abs((before.at(-1)?.height ?? height) - height) > 0.2 * height;
    const apart = step > 1.35 * Math.max(usual === 0 ? step : Math.min(usual, 1.8 * height), height);
    const joined: Line = {
      text: lines.map(({ text }) => text.trim()).join("  "),
      x: Math.min(...lines.map(({ x }) => x)),
      right: Math.max(...lines.map(({ right }) => right)),
      y: lines[0]?.y ?? 0,
      height,
    };
    if (before === undefined || otherSize || apart) blocks.push([joined]);
    else before.push(joined);
  }
  return blocks.map((lines) => {
    const x = Math.min(...lines.map((line) => line.x));
    const top = Math.max(...lines.map(({ y, height }) => y + height));
    const bottom = Math.min(...lines.map(({ y }) => y));
    return {
      text: lines.map(({ text }) => text).join("\n"),
      x: round(x),
      y: round(pageHeight - top),
      width: round(Math.max(...lines.map(({ right }) => right)) - x),
      height: round(top - bottom),
    };
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
