import { fileURLToPath } from "node:url";

/** The longest reason that is told, in characters. */
const MAX_REASON = 400;

/** Why an adapter's file could not be imported and what to do, for its author: one line, without a stack. */
export function explainLoadError(file: string, error: unknown): string {
  const reason = reasonOf(error);
  const code = codeOf(error);
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") {
    return `${reason}${placeOf(file, error)}. Only TypeScript whose types can be erased runs as it is: write it in plain JavaScript (a const object for an enum, fields for parameter properties), or compile the file to .js`;
  }
  if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") {
    return `${reason}. Correct the import, with the ending of a file, or install the package where the adapter lies`;
  }
  if (error instanceof SyntaxError) {
    const place = placeOf(file, error);
    return `${reason}${place}. Correct it${place === "" ? `; "node ${file}" shows the place` : ""}`;
  }
  return `it throws while it is loaded: ${reason}. What may fail belongs into prepare or process`;
}

function reasonOf(thrown: unknown): string {
  const text = textOf(thrown)
    .replace(/\nRequire stack:[\s\S]*/, "")
    .replace(/\s+/g, " ")
    .trim()
    .replace(/\.$/, "");
  return text.length <= MAX_REASON ? text : `${text.slice(0, MAX_REASON).toWellFormed()}…`;
}

function textOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return thrown.message === "" ? thrown.name : thrown.message;
    return typeof thrown === "string" ? thrown : (JSON.stringify(thrown) ?? String(thrown));
  } catch {
    return "something that cannot be shown";
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** A syntax error's stack begins with the file and line, which is what its author needs; not every one does. */
function placeOf(file: string, error: unknown): string {
  const first = error instanceof Error ? (error.stack?.split("\n", 1)[0] ?? "") : "";
  const [, where = "", line] = /^(\/.*|file:.*):(\d+)$/.exec(first) ?? [];
  if (line === undefined) return "";
  const path = where.startsWith("file:") ? fileURLToPath(where) : where.replace(/\?.*$/, "");
  return path === file ? ` (line ${line})` : ` (line ${line} of ${path})`;
}
