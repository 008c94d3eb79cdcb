/** Lines of a document, from 1, both included. */
export interface LineRange {
  readonly firstLine: number;
  readonly lastLine: number;
}

/** A section of a document: the text from one heading to the next. */
export interface Section {
  /** The headings that lead to it, outermost first; empty before the first heading. */
  readonly headingPath: readonly string[];
  readonly text: string;
  /** The lines of `text`. */
  readonly lines: LineRange;
}

/** A line ends as CommonMark has it: with LF, CRLF or a lone CR. */
const LINE_ENDS = /(?<=\n)|(?<=\r)(?!\n)/;

/** Cuts a document, from `start` on, at its headings down to `maxDepth`. Sections without any text are left out. */
export function cutAtHeadings(
  text: string,
  headings: readonly { readonly depth: number; readonly text: string; readonly line: number }[],
  maxDepth: number,
  start = 1,
): Section[] {
  const lines = text.split(LINE_ENDS);
  const cuts = headings.filter((heading) => heading.depth <= maxDepth);
  const sections: Section[] = [];
  const path: { depth: number; text: string }[] = [];
  const add = (firstLine: number, lastLine: number) => {
    const whole = lines.slice(firstLine - 1, lastLine).join("");
    const body = withoutBlankEnds(whole);
    if (body === "") return;
    const begins = firstLine + countLineEnds(whole.slice(0, whole.indexOf(body)));
    const range = { firstLine: begins, lastLine: begins + countLineEnds(body) };
    sections.push({ headingPath: path.map((heading) => heading.text), text: body, lines: range });
  };
  add(start, (cuts[0]?.line ?? lines.length + 1) - 1);
  for (const [index, heading] of cuts.entries()) {
    while ((path.at(-1)?.depth ?? 0) >= heading.depth) path.pop();
    path.push({ depth: heading.depth, text: heading.text });
    add(heading.line, (cuts[index + 1]?.line ?? lines.length + 1) - 1);
  }
  return sections;
}

/** The lines of each of the pieces that a section was cut into, which may overlap; a line that is cut is in both. */
export function linesOfPieces({ text, lines }: Section, pieces: readonly string[]): LineRange[] {
  let at = 0;
  let end = 0;
  let firstLine = lines.firstLine;
  return pieces.map((piece) => {
    // It goes beyond the one before, and begins at its end, or in it.
    const found = text.indexOf(piece, Math.max(at, end - piece.length + 1));
    firstLine += countLineEnds(text.slice(at, found));
    at = found;
    end = found + piece.length;
    return { firstLine, lastLine: firstLine + countLineEnds(piece) };
  });
}

function countLineEnds(text: string): number {
  return text.match(/\r\n|\n|\r/g)?.length ?? 0;
}

/** Without blank lines before and after it, and a byte order mark; how far its first line is indented stays. */
export function withoutBlankEnds(text: string): string {
  return text
    .replace(/^\uFEFF/, "")
    .replace(/^\s*[\n\r]/, "")
    .trimEnd();
}
