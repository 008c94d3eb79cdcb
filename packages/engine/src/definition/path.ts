/** A place in a document: keys of mappings and indexes of lists, from the top. */
export type Path = readonly (string | number)[];

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const LONGEST_KEY = 100;

/** A path as findings show it: `routes.parse.adapters[0].config.root`. */
export function formatPath(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (PLAIN_KEY.test(part) && part.length <= LONGEST_KEY) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(shorten(part, LONGEST_KEY))}]`;
  }
  return text;
}

/** The name by which a message calls the last part of a path: `"root"`, `"cases[0]"`. */
export function subjectOf(path: Path): string {
  const last = path.findLastIndex((part) => typeof part === "string");
  return `"${formatPath(path.slice(Math.max(0, last)))}"`;
}

/** At most `length` characters of a text, with an ellipsis where it was cut; never half a character. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length).toWellFormed()}…`;
}
