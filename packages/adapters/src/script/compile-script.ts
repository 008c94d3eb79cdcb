import { stripTypeScriptTypes } from "node:module";
import { Script } from "node:vm";

/** What makes a script strict, on its first line. */
const STRICT = '"use strict";';

/** How the script is called in stacks. */
export const SCRIPT_NAME = "script";

const DECLARES = /(?:^|[\s;}/])(?:function\s*\*?\s*process\s*\(|(?:const|let|var)\s+process\s*=)/;

/** What is wrong with a script, with its line and column; or the JavaScript that it is. */
export type Compiled = { readonly problem: string } | { readonly javascript: string };

/** Takes a script's types away and looks at its syntax. Nothing of it runs. */
export function compileScript(code: string): Compiled {
  let javascript: string;
  try {
    javascript = strip(code);
  } catch (error) {
    return { problem: problemOf(error) };
  }
  try {
    // Columns count in the script's own first line.
    new Script(STRICT + javascript, { filename: SCRIPT_NAME, columnOffset: -STRICT.length });
  } catch (error) {
    return { problem: problemOf(error) };
  }
  if (!DECLARES.test(javascript)) return { problem: "it declares no function named process" };
  return { javascript: STRICT + javascript };
}

/** Where the first character of the script's own first line is counted from. */
export const FIRST_COLUMN = -STRICT.length;

/** Types become spaces, so that lines and columns stay. */
function strip(code: string): string {
  const { emitWarning } = process;
  // Node.js warns once that the function may change; whoever writes a pipeline can do nothing about that.
  process.emitWarning = () => undefined;
  try {
    return stripTypeScriptTypes(code, { mode: "strip" });
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** The parsers say where by showing the line, with a mark below it. */
function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const why = error.message.replace(/\.$/, "").slice(0, 300);
  const head = (error.stack ?? "").split("\n\nSyntaxError", 1)[0] ?? "";
  const line = /^[^\n]*:(\d+)\n/.exec(head)?.[1];
  const mark = head.split("\n").findLast((each) => /^\s*\^+\s*$/.test(each));
  if (line === undefined || mark === undefined) return why;
  // On the first line, the parser of JavaScript shows what makes the script strict as well.
  const shown = line === "1" && head.includes(`\n${STRICT}`) ? STRICT.length : 0;
  return `line ${line}, column ${mark.indexOf("^") + 1 - shown}: ${why}`;
}
