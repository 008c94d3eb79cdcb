/** A section of a document: the text from one heading to the next. */
export interface Section {
  /** The headings that lead to it, outermost first; empty before the first heading. */
  readonly headingPath: readonly string[];
  readonly text: string;
  /** Lines of the document that it covers, from 1. */
  readonly firstLine: number;
  readonly lastLine: number;
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
    const body = withoutBlankEnds(lines.slice(firstLine - 1, lastLine).join(""));
    if (body !== "")
      sections.push({ headingPath: path.map((heading) => heading.text), text: body, firstLine, lastLine });
  };
  add(start, (cuts[0]?.line ?? lines.length + 1) - 1);
  for (const [index, heading] of cuts.entries()) {
    while ((path.at(-1)?.depth ?? 0) >= heading.depth) path.pop();
    path.push({ depth: heading.depth, text: heading.text });
    add(heading.line, (cuts[index + 1]?.line ?? lines.length + 1) - 1);
  }
  return sections;
}

/** Without blank lines before and after it, and a byte order mark; how far its first line is indented stays. */
export function withoutBlankEnds(text: string): string {
  return text
    .replace(/^\uFEFF/, "")
    .replace(/^\s*[\n\r]/, "")
    .trimEnd();
}
