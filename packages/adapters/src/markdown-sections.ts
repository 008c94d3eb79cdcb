/** A section of a document: the text from one heading to the next. */
export interface Section {
  /** The headings that lead to it, outermost first; empty before the first heading. */
  readonly headingPath: readonly string[];
  readonly text: string;
  /** Lines of the document that it covers, from 1. */
  readonly firstLine: number;
  readonly lastLine: number;
}

/** Cuts a document at its headings down to `maxDepth`. Sections without any text are left out. */
export function cutAtHeadings(
  text: string,
  headings: readonly { readonly depth: number; readonly text: string; readonly line: number }[],
  maxDepth: number,
): Section[] {
  const lines = text.split("\n");
  const cuts = headings.filter((heading) => heading.depth <= maxDepth);
  const sections: Section[] = [];
  const path: { depth: number; text: string }[] = [];
  const add = (firstLine: number, lastLine: number) => {
    const body = lines
      .slice(firstLine - 1, lastLine)
      .join("\n")
      .trim();
    if (body !== "")
      sections.push({ headingPath: path.map((heading) => heading.text), text: body, firstLine, lastLine });
  };
  add(1, (cuts[0]?.line ?? lines.length + 1) - 1);
  for (const [index, heading] of cuts.entries()) {
    while ((path.at(-1)?.depth ?? 0) >= heading.depth) path.pop();
    path.push({ depth: heading.depth, text: heading.text });
    add(heading.line, (cuts[index + 1]?.line ?? lines.length + 1) - 1);
  }
  return sections;
}

/**
 * Cuts a text into pieces of at most `max` by `measure`: between paragraphs where it can, else between lines, else
 * between words, else anywhere. A code block that fits stays whole. Each piece but the first begins with up to
 * `overlap` of the one before it.
 */
export function cutToBudget(text: string, max: number, overlap: number, measure: (text: string) => number): string[] {
  if (measure(text) <= max) return [text];
  const budget = Math.max(1, max - overlap);
  const pieces = pack(split(text, 0, budget, measure), budget, measure);
  if (overlap === 0) return pieces;
  return pieces.map((piece, index) => {
    const before = pieces[index - 1];
    return before === undefined ? piece : `${tail(before, overlap, measure)}${piece}`.trim();
  });
}

/** From coarse to fine: each keeps its separator with the piece before it. */
const CUTS = [/(?<=\n[ \t]*\n)/, /(?<=\n)/, /(?<=[.!?]\s)/, /(?<=\s)/];

function split(text: string, level: number, max: number, measure: (text: string) => number): string[] {
  if (measure(text) <= max) return [text];
  const cut = CUTS[level];
  const parts = cut === undefined ? halves(text) : level === 0 ? paragraphs(text) : text.split(cut);
  if (parts.length === 1) return cut === undefined ? parts : split(text, level + 1, max, measure);
  return parts.flatMap((part) => split(part, cut === undefined ? level : level + 1, max, measure));
}

/** Paragraphs; a fenced code block counts as one, blank lines and all. */
function paragraphs(text: string): string[] {
  const parts: string[] = [];
  let fence: string | null = null;
  let current = "";
  for (const line of text.split(/(?<=\n)/)) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (mark !== undefined && fence === null) fence = mark;
    else if (mark !== undefined && fence !== null && mark.startsWith(fence)) fence = null;
    current += line;
    if (fence === null && line.trim() === "") {
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

/** Joins neighbours for as long as they fit together. */
function pack(parts: readonly string[], max: number, measure: (text: string) => number): string[] {
  const pieces: string[] = [];
  let current = "";
  let size = 0;
  for (const part of parts) {
    const partSize = measure(part);
    if (current !== "" && size + partSize > max) {
      pieces.push(current);
      current = "";
      size = 0;
    }
    current += part;
    size += partSize;
  }
  if (current !== "") pieces.push(current);
  return pieces.map((piece) => piece.trim()).filter((piece) => piece !== "");
}

function tail(text: string, max: number, measure: (text: string) => number): string {
  let kept = "";
  for (const word of text.split(/(?<=\s)/).reverse()) {
    if (measure(word + kept) > max) break;
    kept = word + kept;
  }
  return kept === "" ? "" : `${kept.trimEnd()}\n`;
}
