import { ExpressionSyntaxError } from "../expression.ts";
import { shorten } from "./path.ts";

/** Compiles by calling `compile`; returns what it makes, or why it does not compile. */
export function tryCompile<T>(compile: () => T): { compiled: T; problem: null } | { compiled: null; problem: string } {
  try {
    return { compiled: compile(), problem: null };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = reason.startsWith("Maximum call stack") ? "It is nested too deep, or too long" : reason;
    const at =
      error instanceof ExpressionSyntaxError && error.position !== null ? ` (near character ${error.position})` : "";
    return { compiled: null, problem: `${shorten(message.split("\n", 1)[0] ?? "", 300)}${at}` };
  }
}

/** What people who know other languages write first, and what JSONata has instead. */
export function expressionHint(source: string): string {
  if (source.includes("==")) return "JSONata compares with a single =.";
  if (source.includes("&&")) return 'JSONata writes "and" for &&.';
  if (source.includes("||")) return 'JSONata writes "or" for ||.';
  if (/(^|[\s(])!(?!=)/.test(source)) return "JSONata writes $not(…) for !.";
  return "Correct the expression; it is written in JSONata.";
}
