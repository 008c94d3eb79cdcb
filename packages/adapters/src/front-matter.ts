import { parseDocument } from "yaml";

/** What stands before a document, between two lines of dashes. */
export interface FrontMatter {
  /** The title that it names; null where it names none. */
  readonly title: string | null;
  /** As it is in the text, with a byte order mark. */
  readonly source: string;
  readonly lines: number;
}

/** A blank line after the first dashes makes them a line across the page. */
const FRONT_MATTER = /^\uFEFF?---[ \t]*\r?\n(?![ \t]*\r?\n)([\s\S]*?\r?\n)?(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/;

/** Reads the front matter of a document; empty where there is none. */
export function readFrontMatter(text: string): FrontMatter {
  const found = FRONT_MATTER.exec(text);
  if (found === null) return { title: null, source: "", lines: 0 };
  const [source, yaml = ""] = found;
  return { title: titleOf(yaml), source, lines: source.split("\n").length - 1 };
}

function titleOf(yaml: string): string | null {
  // Mistakes in the rest do not matter: what can be read of it counts.
  const document = parseDocument(yaml, { logLevel: "silent", uniqueKeys: false });
  const title: unknown = "get" in document && document.has("title") ? document.get("title") : null;
  if (typeof title !== "string" && typeof title !== "number") return null;
  const text = String(title).replace(/\s+/g, " ").trim();
  return text === "" ? null : text;
}
