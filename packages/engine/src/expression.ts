import type { JsonObject, JsonValue } from "@millrace/protocol";
import jsonata from "jsonata";
import { z } from "zod";
import { AdapterError } from "./adapter.ts";

/** A compiled JSONata expression. */
export interface Expression {
  readonly source: string;
  /**
   * The expression's value; undefined where it selects nothing.
   * @throws AdapterError EXPRESSION_FAILED, not retryable
   */
  evaluate(input: JsonObject): Promise<JsonValue | undefined>;
}

/** A compiled string with `${expression}` placeholders. */
export interface Template {
  readonly source: string;
  /** @throws AdapterError EXPRESSION_FAILED, not retryable, also where a placeholder selects nothing */
  render(input: JsonObject): Promise<string>;
}

/** Why an expression does not compile. */
export class ExpressionSyntaxError extends Error {
  override readonly name = "ExpressionSyntaxError";
  /** Where in the source, from 0; null where it is not known. */
  readonly position: number | null;

  constructor(message: string, position: number | null) {
    super(message);
    this.position = position;
  }
}

/** Bounds on one evaluation, so that no expression runs for ever: milliseconds, calls deep, items in a sequence. */
const BOUNDS = { timeout: 5_000, stack: 500, sequence: 10_000_000 } as const;

/** A path of plain names, which needs no interpreter. */
const PLAIN_PATH = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$/;
const RESERVED = new Set(["true", "false", "null", "and", "or", "in", "function"]);

/**
 * Compiles a JSONata expression.
 * @throws ExpressionSyntaxError
 */
export function compileExpression(source: string): Expression {
  let compiled: jsonata.Expression;
  try {
    compiled = jsonata(source, BOUNDS);
  } catch (error) {
    throw toSyntaxError(error);
  }
  return {
    source,
    async evaluate(input) {
      try {
        // A fresh frame per evaluation: without bindings, concurrent ones would share their input.
        return toJson(await compiled.evaluate(input, {}));
      } catch (error) {
        throw new AdapterError("EXPRESSION_FAILED", `The expression "${source}" failed: ${messageOf(error)}`, {
          retryable: false,
          cause: error,
        });
      }
    },
  };
}

/**
 * Compiles a template: text with `${expression}` placeholders.
 * @throws ExpressionSyntaxError
 */
export function compileTemplate(source: string): Template {
  const parts = parseTemplate(source).map((part) => {
    if (part.kind === "text") return part.text;
    const path = PLAIN_PATH.test(part.source) ? part.source.split(".") : null;
    if (path?.[0] !== undefined && !RESERVED.has(path[0])) {
      return { source: part.source, evaluate: (input: JsonObject) => plainPath(input, path) };
    }
    try {
      return compileExpression(part.source);
    } catch (error) {
      if (error instanceof ExpressionSyntaxError) {
        throw new ExpressionSyntaxError(
          error.message,
          error.position === null ? part.offset : part.offset + error.position,
        );
      }
      throw error;
    }
  });
  return {
    source,
    async render(input) {
      let text = "";
      for (const part of parts) {
        if (typeof part === "string") {
          text += part;
          continue;
        }
        const value = await part.evaluate(input);
        if (value === undefined || value === null) {
          throw new AdapterError("EXPRESSION_FAILED", `"\${${part.source}}" selects nothing in this message.`, {
            retryable: false,
          });
        }
        text += typeof value === "object" ? JSON.stringify(value) : String(value);
      }
      return text;
    },
  };
}

/** Whether a value counts as true, as JSONata's `$boolean` has it; what selects nothing does not. */
export function isTruthy(value: JsonValue | undefined): boolean {
  if (Array.isArray(value)) return value.some(isTruthy);
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** Marks a field of an adapter's config as a JSONata expression: its syntax is checked with the pipeline. */
export function expressionField(): z.ZodString {
  return z.string().min(1).meta({ format: "jsonata" });
}

/** Marks a field of an adapter's config as a template: the syntax of its placeholders is checked with the pipeline. */
export function templateField(): z.ZodString {
  return z.string().meta({ format: "template" });
}

/**
 * Marks a field of an adapter's config as a route's name: editors offer the pipeline's routes, and graphs show the way.
 * What checks that the route is there is the adapter's `references`.
 */
export function routeField(): z.ZodString {
  return z.string().min(1).meta({ format: "route" });
}

type TemplatePart = { kind: "text"; text: string } | { kind: "expression"; source: string; offset: number };

/** Placeholders end at the brace that closes them: braces nest, and those in JSONata strings do not count. */
function parseTemplate(source: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let at = 0;
  while (at < source.length) {
    const open = source.indexOf("${", at);
    if (open < 0) break;
    if (open > at) parts.push({ kind: "text", text: source.slice(at, open) });
    const close = closingBrace(source, open + 2);
    if (close < 0) throw new ExpressionSyntaxError('"${" is never closed', open);
    const expression = source.slice(open + 2, close).trim();
    if (expression === "") throw new ExpressionSyntaxError('"${}" holds no expression', open);
    parts.push({ kind: "expression", source: expression, offset: open + 2 });
    at = close + 1;
  }
  if (at < source.length) parts.push({ kind: "text", text: source.slice(at) });
  return parts;
}

function closingBrace(source: string, from: number): number {
  let depth = 0;
  let quote: string | null = null;
  for (let index = from; index < source.length; index += 1) {
    const char = source.charAt(index);
    if (quote !== null) {
      if (char === "\\") index += 1;
      else if (char === quote) quote = null;
    } else if (char === '"' || char === "'" || char === "`") quote = char;
    else if (char === "{") depth += 1;
    else if (char === "}") {
      if (depth === 0) return index;
      depth -= 1;
    }
  }
  return -1;
}

function plainPath(input: JsonObject, path: readonly string[]): Promise<JsonValue | undefined> {
  let value: JsonValue | undefined = input;
  for (const name of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) {
      return Promise.resolve(undefined);
    }
    value = value[name];
  }
  return Promise.resolve(value);
}

/** JSONata marks its sequences with hidden properties, and may return functions: only JSON leaves here. */
function toJson(value: unknown): JsonValue | undefined {
  if (value === undefined) return undefined;
  const text = JSON.stringify(value);
  return text === undefined ? undefined : JSON.parse(text);
}

function toSyntaxError(error: unknown): ExpressionSyntaxError {
  const position =
    typeof error === "object" && error !== null && "position" in error && typeof error.position === "number"
      ? error.position
      : null;
  return new ExpressionSyntaxError(messageOf(error), position);
}

function messageOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "message" in error) return String(error.message);
  return String(error);
}
