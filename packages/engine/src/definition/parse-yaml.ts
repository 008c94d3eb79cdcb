import { Composer, type Document, type ErrorCode, Lexer, Parser, visit, type YAMLError } from "yaml";
import type { FindingList } from "./finding-list.ts";

/** The largest source that is read, in UTF-16 units (bytes, for plain English): 1 MiB. */
export const MAX_SOURCE_LENGTH = 1024 * 1024;
/** The deepest that collections may stand within each other. */
export const MAX_DEPTH = 100;
/**
 * The most lexical tokens that are read. A source of the largest size in lines of `key: value` has about 300,000; one of
 * nothing but punctuation would have 1.5 million, and hold the process for 4 seconds.
 */
export const MAX_TOKENS = 500_000;
/** Tokens that fit nowhere, after which the rest is not read: each costs as much as a hundred others. */
const MAX_STRAY_TOKENS = 100;

/** What cannot stand in YAML at all: control characters, and halves of characters; and what stands for bytes that are no UTF-8. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that are looked for.
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffd\ufffe\uffff]|\p{Surrogate}/u;

/** What `unresolved tag` warnings of the library come as. */
const TAG_PROBLEMS: ReadonlySet<ErrorCode> = new Set(["TAG_RESOLVE_FAILED", "BAD_COLLECTION_TYPE"]);

/**
 * Parses one YAML 1.2 document with the core schema. Never throws; what is wrong becomes findings. Null where the text
 * is refused or is no YAML. Size, depth and number of tokens are bounded before anything recursive touches the text.
 */
export function parseYaml(text: string, findings: FindingList): Document.Parsed | null {
  if (text.length > MAX_SOURCE_LENGTH) {
    findings.add(
      "E003",
      { path: [], offset: 0 },
      `The document is too large: ${text.length} characters, at most ${MAX_SOURCE_LENGTH} are allowed`,
      "Split the pipeline, or keep data in files that an adapter reads.",
    );
    return null;
  }
  const forbidden = FORBIDDEN.exec(text);
  if (forbidden !== null) {
    const point = (forbidden[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    findings.add(
      "E011",
      { path: [], offset: forbidden.index },
      point === "FFFD"
        ? "The text is not UTF-8, or has lost a character that was not: it has U+FFFD in its place"
        : `The character U+${point} is not allowed in YAML`,
      'Save the file as UTF-8 text; in a double-quoted string, write it as an escape such as "\\u0007".',
    );
    return null;
  }
  try {
    return composeOne(text, findings);
  } catch (error) {
    // The library reports what it finds; a throw is a fault of its own, and still the text is what cannot be read.
    const reason = error instanceof Error ? error.message : String(error);
    findings.add("E001", { path: [], offset: 0 }, `The YAML cannot be parsed: ${firstLine(reason)}`);
    return null;
  }
}

function composeOne(text: string, findings: FindingList): Document.Parsed | null {
  const parser = new Parser();
  const composer = new Composer({
    schema: "core",
    resolveKnownTags: false,
    merge: false,
    // Found by the tree builder, in linear time and with both keys kept apart.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });
  const documents: Document.Parsed[] = [];
  let tokens = 0;
  let stray = 0;
  for (const lexeme of new Lexer().lex(text)) {
    tokens += 1;
    const { offset } = parser;
    if (tokens > MAX_TOKENS) {
      findings.add(
        "E003",
        { path: [], offset },
        `The document is too large: it has more than ${MAX_TOKENS} tokens`,
        "Split the pipeline, or keep data in files that an adapter reads.",
      );
      return null;
    }
    for (const token of parser.next(lexeme)) {
      if (token.type === "error") stray += 1;
      documents.push(...composer.next(token));
    }
    if (stray > MAX_STRAY_TOKENS) break;
    // The parser's stack holds the document and every collection that is open.
    if (parser.stack.length > MAX_DEPTH + 1) {
      addTooDeep(findings, offset);
      return null;
    }
    if (documents.length > 1) break;
  }
  for (const token of parser.end()) documents.push(...composer.next(token));
  // Forces a document where there is none, so that an empty text has one too.
  documents.push(...composer.end(true, text.length));

  const [document, second] = documents;
  if (document === undefined) return null;
  if (addSyntaxErrors(text, document, findings)) return null;
  if (second !== undefined) {
    const marker = text.indexOf("---", document.range[1]);
    findings.add(
      "E006",
      { path: [], offset: marker < 0 ? second.range[0] : marker },
      "There is more than one YAML document in the text",
      "Keep one pipeline per file; remove the `---` line and what follows it.",
    );
    return null;
  }
  for (const warning of document.warnings) {
    if (!TAG_PROBLEMS.has(warning.code)) continue;
    const tag = text.slice(warning.pos[0], warning.pos[1]);
    findings.add(
      "E009",
      { path: [], offset: warning.pos[0] },
      `The tag "${tag}" is unknown, or does not fit its value`,
      "Remove the tag; the tags !!str, !!int, !!float, !!bool, !!null, !!map and !!seq are known.",
    );
  }
  return document;
}

/** Reports that collections stand too deep within each other. */
export function addTooDeep(findings: FindingList, offset: number): void {
  findings.add(
    "E004",
    { path: [], offset },
    `The document is nested more than ${MAX_DEPTH} levels deep`,
    "Flatten it; a pipeline needs about ten levels.",
  );
}

/** Each line's first error: one mistake makes the parser complain about what follows it, too. */
function addSyntaxErrors(text: string, document: Document.Parsed, findings: FindingList): boolean {
  let lineEnd = -1;
  const errors = document.errors.map((error) => ({ error, offset: placeOf(error, document) }));
  for (const { error, offset } of errors.toSorted((a, b) => a.offset - b.offset)) {
    if (offset <= lineEnd) continue;
    const newline = text.indexOf("\n", offset);
    lineEnd = newline < 0 ? text.length : newline;
    const { message, suggestion } = inPlainWords(error);
    findings.add("E001", { path: [], offset }, message, suggestion);
  }
  return errors.length > 0;
}

/** Where the error is: for a quote that is never closed that is where it was opened, not the end of the text. */
function placeOf(error: YAMLError, document: Document.Parsed): number {
  let [offset] = error.pos;
  if (!error.message.startsWith("Missing closing")) return offset;
  visit(document, {
    Scalar(_, node) {
      const range = node.range;
      if (node.type?.startsWith("QUOTE") && range && range[0] < error.pos[0] && range[1] >= error.pos[0] - 1) {
        offset = range[0];
      }
    },
  });
  return offset;
}

function inPlainWords(error: YAMLError): { message: string; suggestion: string | null } {
  const message = firstLine(error.message);
  const closing = / end with a ([\]}])/.exec(message)?.[1];
  if (closing !== undefined) {
    const suggestion = `Add the closing ${closing} and indent what is within the brackets.`;
    return { message: `A "${closing === "]" ? "[" : "{"}" is never closed`, suggestion };
  }
  switch (error.code) {
    case "TAB_AS_INDENT":
      return { message: "A tab is used to indent", suggestion: "Indent with spaces." };
    case "BAD_INDENT":
      return { message, suggestion: "Let the lines of one level begin in the same column." };
    case "MISSING_CHAR":
      if (message.startsWith("Missing closing")) {
        const quote = message.includes('"') ? '"' : "'";
        return { message: "A quoted text is never closed", suggestion: `Add the closing ${quote}.` };
      }
      if (message.startsWith("Implicit map keys need")) {
        return { message: "A key without a colon and a value", suggestion: 'Write "key: value", with a space.' };
      }
      return { message, suggestion: "Add what is missing." };
    case "BLOCK_AS_IMPLICIT_KEY":
      return {
        message: "There is a second colon and space in one line",
        suggestion: 'Put text that holds ": " into quotes, and each key on a line of its own.',
      };
    case "MULTILINE_IMPLICIT_KEY":
      return {
        message: "A line is neither a key with its value nor part of the value before it",
        suggestion: 'Write "key: value", with a space after the colon, and check the indentation.',
      };
    case "BAD_SCALAR_START":
      return { message, suggestion: "Put the text into quotes." };
    case "BAD_DQ_ESCAPE":
      return { message, suggestion: "Write \\\\ for a backslash, or use single quotes." };
    case "BLOCK_IN_FLOW":
      return { message, suggestion: "Close the bracket or brace before the next block." };
    case "KEY_OVER_1024_CHARS":
      return { message, suggestion: "Shorten the key, or close the quote or bracket before it." };
    case "UNEXPECTED_TOKEN":
      return { message, suggestion: "Look for a bracket, quote or comma too many or too few just before." };
    default:
      return { message, suggestion: null };
  }
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
