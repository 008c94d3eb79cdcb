import type { SearchSnippet } from "@millrace/engine";

/** What a store puts before and after what was found: characters that no text for people has. */
export const MARK_START = "\u0002";
export const MARK_END = "\u0003";
const MARKS = new RegExp(`([${MARK_START}${MARK_END}])`);
const UNPRINTED = new RegExp(`[\0${MARK_START}${MARK_END}]`, "g");

/** How long a snippet is that nothing was found in, in characters. */
const PLAIN_CHARACTERS = 280;

/** A snippet of a text in which a store has marked what was found. */
export function markedSnippet(marked: string): SearchSnippet {
  const highlights: [number, number][] = [];
  let text = "";
  let start: number | null = null;
  for (const part of marked.replace(/\s+/g, " ").trim().split(MARKS)) {
    if (part === MARK_START) start ??= text.length;
    else if (part === MARK_END) {
      if (start !== null && start < text.length) highlights.push([start, text.length]);
      start = null;
    } else text += part;
  }
  return { text, highlights };
}

/** The beginning of a text: what there is to show where it was not found by its words. */
export function plainSnippet(text: string): SearchSnippet {
  const line = withoutMarks(text.slice(0, PLAIN_CHARACTERS * 4))
    .replace(/\s+/g, " ")
    .trim();
  if (line.length <= PLAIN_CHARACTERS) return { text: line, highlights: [] };
  const cut = line.slice(0, PLAIN_CHARACTERS).replace(/[\ud800-\udbff]$/, "");
  return { text: `${cut.replace(/\s+\S*$/, "") || cut}…`, highlights: [] };
}

/** A text without what marks are made of. */
export function withoutMarks(text: string): string {
  return text.replace(UNPRINTED, " ");
}
