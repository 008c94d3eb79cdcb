import { withoutBlankEnds } from "./markdown-sections.ts";

/** How much a text counts for; what is joined counts for about what its parts do. */
export type Measure = (text: string) => number;

/**
 * Cuts a text into pieces of at most `max` by `measure`: between paragraphs where it can, else between lines, else
 * sentences, else words, else anywhere. A code block that fits stays whole. Each piece but the first begins with up to
 * `overlap` of the one before it. Every piece stands in the text as it is.
 */
export function cutToBudget(text: string, max: number, overlap: number, measure: Measure): string[] {
  if (measure(text) <= max) return [text];
  const budget = Math.max(1, max - overlap);
  const pieces = pack(split(text, 0, budget, measure), budget, measure);
  return pieces.map((piece, index) => withOverlap(pieces[index - 1] ?? "", piece, max, overlap, measure));
}

/** From coarse to fine. What is cut keeps its separator with the part before it. */
const CUTS: readonly ((text: string) => string[])[] = [
  paragraphs,
  (text) => text.split(/(?<=\n)/),
  (text) => text.split(/(?<=[.!?]\s)|(?<=[。！？])/),
  (text) => text.split(/(?<=\s)(?=\S)/),
];

function split(text: string, level: number, max: number, measure: Measure): string[] {
  if (measure(withoutBlankEnds(text)) <= max) return [text];
  const cut = CUTS[level];
  if (cut !== undefined) return cut(text).flatMap((part) => split(part, level + 1, max, measure));
  const parts = halves(text);
  return parts.length === 1 ? parts : parts.flatMap((part) => split(part, level, max, measure));
}

/** The opening of a fenced code block, also in a list or a quotation. */
const FENCE = /^[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(`{3,}(?![^\n]*`)|~{3,})/;
const CLOSING_FENCE = /^[ \t>]*(`{3,}|~{3,})\s*$/;
const INDENTED = /^(?: {4}|\t)[ \t]*\S/;

/** Paragraphs; a code block, fenced or indented, counts as one, blank lines and all. */
function paragraphs(text: string): string[] {
  const lines = text.split(/(?<=\n)/);
  const parts: string[] = [];
  let fence: string | null = null;
  let current = "";
  let last = "";
  for (const [index, line] of lines.entries()) {
    if (fence === null) fence = FENCE.exec(line)?.[1] ?? null;
    else if (CLOSING_FENCE.exec(line)?.[1]?.startsWith(fence)) fence = null;
    current += line;
    if (line.trim() !== "") last = line;
    else if (fence === null && !(INDENTED.test(last) && INDENTED.test(lines[index + 1] ?? ""))) {
      parts.push(current);
      current = "";
    }
  }
  if (current !== "") parts.push(current);
  return parts;
}

/** Not between the two halves of a surrogate pair. */
function halves(text: string): string[] {
  if (text.length < 2) return [text];
  const middle = Math.ceil(text.length / 2);
  const code = text.charCodeAt(middle);
  const at = code >= 0xdc00 && code <= 0xdfff ? middle + 1 : middle;
  return at >= text.length ? [text] : [text.slice(0, at), text.slice(at)];
}

/** Joins neighbours for as long as they fit together; blank ones with whatever is beside them. */
function pack(parts: readonly string[], max: number, measure: Measure): string[] {
  const pieces: string[] = [];
  const waiting = parts.toReversed();
  while (waiting.length > 0) {
    const taken: string[] = [];
    let size = 0;
    for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
      size += part.trim() === "" ? 0 : measure(part);
      if (taken.length > 0 && size > max) {
        waiting.push(part);
        break;
      }
      taken.push(part);
    }
    // The sum is an estimate, and nearly always too high. Where it was too low, the last have to wait.
    while (taken.length > 1 && measure(withoutBlankEnds(taken.join(""))) > max) waiting.push(...taken.splice(-1));
    const piece = taken.join("");
    if (piece.trim() !== "") pieces.push(piece);
    // Kept with the piece before, so that an overlap can be taken as it stands in the text.
    else if (pieces.length > 0) pieces.push(`${pieces.pop()}${piece}`);
  }
  return pieces;
}

/** The end of the piece before, as much as there is room for, and the piece. */
function withOverlap(before: string, piece: string, max: number, overlap: number, measure: Measure): string {
  let room = overlap;
  while (room > 0) {
    const joined = withoutBlankEnds(tail(before, room, measure) + piece);
    const excess = measure(joined) - max;
    if (excess <= 0) return joined;
    room -= excess;
  }
  return withoutBlankEnds(piece);
}

/** The last whole words that fit, or where there are none, as in a text without spaces, the last characters. */
function tail(text: string, max: number, measure: Measure): string {
  return lastOf(text.split(/(?<=\s)(?=\S)/), max, measure) || lastOf(Array.from(text), max, measure);
}

function lastOf(parts: readonly string[], max: number, measure: Measure): string {
  let fits = 0;
  let least = 0;
  let most = parts.length;
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (measure(parts.slice(-middle).join("").trim()) <= max) {
      fits = middle;
      least = middle;
    } else most = middle - 1;
  }
  return fits === 0 ? "" : parts.slice(-fits).join("");
}
