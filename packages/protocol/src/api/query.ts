import { z } from "zod";

/** Bounds, default and meaning of a numeric parameter. Without a default, chain `.optional()`. */
export interface NumberQuery {
  readonly ge?: number;
  readonly le?: number;
  readonly default?: number;
  readonly description: string;
}

/**
 * A number from a query, where everything is text; fractions, exponents and surrounding space are legal. In a JSON body
 * a number in quotes is taken as well, as the framework does whose error format this API has.
 */
export function floatQuery(options: NumberQuery & { readonly default: number }): z.ZodDefault<NumberSchema>;
export function floatQuery(options: NumberQuery): NumberSchema;
export function floatQuery(options: NumberQuery): NumberSchema | z.ZodDefault<NumberSchema> {
  return finish(z.preprocess(parseFloatText, bounded(z.number(), options)), options);
}

/** As {@link floatQuery}, for whole numbers. */
export function intQuery(options: NumberQuery & { readonly default: number }): z.ZodDefault<NumberSchema>;
export function intQuery(options: NumberQuery): NumberSchema;
export function intQuery(options: NumberQuery): NumberSchema | z.ZodDefault<NumberSchema> {
  return finish(z.preprocess(parseIntText, bounded(z.int(), options)), options);
}

/** A truth value from a query: `true`, `1`, `yes`, `on`, `t`, `y` and their opposites, in any case; default false. */
export function boolQuery(description: string) {
  return laxBoolean().default(false).describe(description);
}

/** A truth value that may be written as text, as in {@link boolQuery}, or as 0 or 1. */
export function laxBoolean() {
  return z.preprocess(parseBool, z.boolean());
}

/** A UUID in any of its forms (hyphens or none, braces, `urn:uuid:`), parsed to the usual one in lower case. */
export function uuidSchema() {
  return z.preprocess(parseUuid, z.guid());
}

/**
 * A time from a query: RFC 3339, or a date; without a zone it is UTC. Optional.
 * Parsed to RFC 3339 in UTC with milliseconds, so that texts compare as times do.
 */
export function timeQuery(description: string) {
  return z.preprocess(parseTimeText, z.iso.datetime()).optional().describe(description);
}

/** A list from a query: the parameter once for each value, or values separated by commas. Empty where it is not there. */
export function listQuery(description: string) {
  return z
    .preprocess((value) => splitTexts(value), z.array(z.string()))
    .default([])
    .describe(description);
}

/** As {@link listQuery}, of words that are known. */
export function enumListQuery<T extends Readonly<Record<string, string>>>(item: z.ZodEnum<T>, description: string) {
  const known = new Set<unknown>(item.options);
  const check = (value: unknown, context: z.RefinementCtx) => {
    const words = splitTexts(value);
    if (words.every((word) => known.has(word))) return words;
    const quoted = item.options.map((word) => `'${word}'`);
    const expected = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
    return refuse(context, "enum", `Input should be ${expected}`, { expected });
  };
  return z.preprocess(check, z.array(item)).default([]).describe(description);
}

type NumberSchema = z.ZodPreprocess<z.ZodNumber>;

const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const INT = /^[+-]?\d+(?:_\d+)*(?:\.0+)?$/;
/** Longer ones are refused unread. */
const MAX_INT_CHARACTERS = 4300;
const UUID_GROUPS = [8, 4, 4, 4, 12];
const NOT_FINITE = /^[+-]?(?:nan|inf|infinity)$/i;
const TRUE = new Set(["1", "true", "t", "yes", "y", "on"]);
const FALSE = new Set(["0", "false", "f", "no", "n", "off"]);
const TIME = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/i;

function bounded(schema: z.ZodNumber, { ge, le, description }: NumberQuery): z.ZodNumber {
  let result = schema;
  if (ge !== undefined) result = result.min(ge);
  if (le !== undefined) result = result.max(le);
  return result.describe(description);
}

function finish(schema: NumberSchema, options: NumberQuery): NumberSchema | z.ZodDefault<NumberSchema> {
  const { default: fallback, description } = options;
  if (fallback === undefined) return schema.describe(description);
  return schema.default(fallback).describe(description);
}

function splitTexts(value: unknown): unknown[] {
  const texts: unknown[] = Array.isArray(value) ? value : [value];
  return texts
    .flatMap((text) => (typeof text === "string" ? text.split(",").map((part) => part.trim()) : [text]))
    .filter((text) => text !== "");
}

function parseFloatText(value: unknown, context: z.RefinementCtx): unknown {
  if (typeof value === "boolean") return Number(value);
  if (typeof value !== "string") return value;
  const text = withoutUnderscores(value.trim());
  if (NOT_FINITE.test(text)) return refuse(context, "finite_number", "Input should be a finite number");
  if (!FLOAT.test(text)) {
    return refuse(context, "float_parsing", "Input should be a valid number, unable to parse string as a number");
  }
  const number = Number(text);
  return Number.isFinite(number) ? number : refuse(context, "finite_number", "Input should be a finite number");
}

function parseIntText(value: unknown, context: z.RefinementCtx): unknown {
  if (typeof value !== "string") return value;
  const text = value.trim();
  if (!INT.test(text)) {
    return refuse(context, "int_parsing", "Input should be a valid integer, unable to parse string as an integer");
  }
  if (text.length > MAX_INT_CHARACTERS) {
    return refuse(context, "int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size");
  }
  // Beyond what a number holds exactly, all that matters is that it is beyond every bound.
  const number = Number(text.replaceAll("_", ""));
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, number));
}

/** Single ones within a number only separate its digits; others make it none. */
function withoutUnderscores(text: string): string {
  return /^_|__|_$/.test(text) ? text : text.replaceAll("_", "");
}

function parseBool(value: unknown, context: z.RefinementCtx): unknown {
  if (typeof value !== "string" && typeof value !== "number") return value;
  const word = String(value).toLowerCase();
  if (TRUE.has(word)) return true;
  if (FALSE.has(word)) return false;
  return refuse(context, "bool_parsing", "Input should be a valid boolean, unable to interpret input");
}

function parseUuid(value: unknown, context: z.RefinementCtx): unknown {
  if (value === undefined) return value;
  if (typeof value !== "string") {
    return refuse(context, "uuid_type", "UUID input should be a string, bytes or UUID object");
  }
  const text = /^\{.*\}$/s.test(value) ? value.slice(1, -1) : value.replace(/^urn:uuid:/, "");
  const error = whyNoUuid(text);
  if (error !== null) return refuse(context, "uuid_parsing", `Input should be a valid UUID, ${error}`, { error });
  return text.toLowerCase().replace(/^(.{8})-?(.{4})-?(.{4})-?(.{4})-?(.{12})$/, "$1-$2-$3-$4-$5");
}

function whyNoUuid(text: string): string | null {
  const at = text.search(/[^0-9a-fA-F-]/);
  if (at >= 0) {
    return `invalid character: found \`${String.fromCodePoint(text.codePointAt(at) ?? 0)}\` at ${at + 1}`;
  }
  const groups = text.split("-");
  if (groups.length === 1) {
    return text.length === 32 ? null : `invalid length: expected length 32 for simple format, found ${text.length}`;
  }
  if (groups.length !== UUID_GROUPS.length) return `invalid group count: expected 5, found ${groups.length}`;
  const wrong = UUID_GROUPS.findIndex((length, index) => groups[index]?.length !== length);
  if (wrong < 0) return null;
  return `invalid group length in group ${wrong}: expected ${UUID_GROUPS[wrong]}, found ${groups[wrong]?.length}`;
}

function parseTimeText(value: unknown, context: z.RefinementCtx): unknown {
  if (typeof value !== "string") return value;
  // An unescaped "+" of a zone arrives as a space.
  const text = value
    .trim()
    .replace(/ (\d{2}:?\d{2})$/, (zone, digits, at) => (at > 10 ? `+${digits}` : zone))
    .replace(/([+-]\d{2})(\d{2})$/, "$1:$2")
    .replace(/^(\d{4}-\d{2}-\d{2}) /, "$1T")
    .toUpperCase();
  const zoned = text.length <= 10 || /(?:Z|[+-]\d{2}:\d{2})$/.test(text.slice(10)) ? text : `${text}Z`;
  const time = TIME.test(text) ? Date.parse(zoned.replace(",", ".")) : Number.NaN;
  if (!Number.isNaN(time) && isRealDay(text)) return new Date(time).toISOString();
  const error = TIME.test(text) ? "a part of it is out of range" : "it is not of the form 2026-01-31T12:00:00Z";
  return refuse(context, "datetime_from_date_parsing", `Input should be a valid datetime or date, ${error}`, { error });
}

/** `Date.parse` lets 30 February pass as 2 March. */
function isRealDay(text: string): boolean {
  const day = text.slice(0, 10);
  const midnight = Date.parse(day);
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(day);
}

/** Reports in the words of the contract's `ValidationError`: the HTTP edge takes `params` over as they are. */
function refuse(context: z.RefinementCtx, type: string, message: string, ctx?: Record<string, unknown>): never {
  context.addIssue({ code: "custom", message, params: ctx === undefined ? { type } : { type, ctx } });
  return z.NEVER;
}
