import type { ValidationError } from "@millrace/protocol";
import type { z } from "zod";

/** Where a value stands in a request: the first part of `loc`. */
export type Part = "path" | "query" | "header" | "body";

/** A request that does not fit its schemas: becomes a 422 with the contract's `HTTPValidationError`. */
export class ValidationFailure extends Error {
  override readonly name = "ValidationFailure";
  readonly errors: readonly ValidationError[];

  constructor(errors: readonly ValidationError[]) {
    super("The request does not fit.");
    this.errors = errors;
  }
}

/**
 * Turns what a schema found in `input` into the contract's `ValidationError`s. `type`, `msg` and `ctx` are those of
 * the framework whose format it is, since clients compare them. An issue of a schema's own that has `params` of the
 * form `{type, ctx?}` is taken over as it is. Of a value the first error counts: a check may go on with a value of the
 * wrong type.
 */
export function toValidationErrors(part: Part, issues: readonly Issue[], input: unknown): ValidationError[] {
  const told = new Set<string>();
  return issues.flatMap((issue) => {
    const path = issue.path.map((key) => (typeof key === "number" ? key : String(key)));
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        loc: locate(part, [...path, key]),
        msg: "Extra inputs are not permitted",
        type: "extra_forbidden",
        input: presentable(valueAt(input, [...path, key])),
      }));
    }
    const place = JSON.stringify(path);
    if (told.has(place)) return [];
    told.add(place);
    const value = valueAt(input, path);
    if (value === undefined) return [missing(part, path, part === "body" ? valueAt(input, path.slice(0, -1)) : null)];
    return [{ loc: locate(part, path), ...describe(issue, value), input: presentable(value) }];
  });
}

/** A value that had to be there; `around` is what it should have been in. */
export function missing(part: Part, path: readonly (string | number)[], around: unknown = null): ValidationError {
  return { loc: locate(part, path), msg: "Field required", type: "missing", input: presentable(around) };
}

/** A header's name as the contract writes it; schemas have it in lower case, as the runtime does. */
export function headerName(name: string): string {
  return name
    .split("-")
    .map((word) => (word === "id" ? "ID" : word.charAt(0).toUpperCase() + word.slice(1)))
    .join("-");
}

type Issue = z.core.$ZodIssue;
type Entry = Pick<ValidationError, "msg" | "type" | "ctx">;

function locate(part: Part, path: readonly (string | number)[]): (string | number)[] {
  return [part, ...(part === "header" ? path.map((name) => headerName(String(name))) : path)];
}

function describe(issue: Issue, value: unknown): Entry {
  switch (issue.code) {
    case "custom":
      return describeCustom(issue);
    case "invalid_type":
      return describeType(issue.expected, value);
    case "too_small":
    case "too_big":
      return describeBound(issue, value);
    case "invalid_format":
      return describeFormat(issue);
    case "invalid_value": {
      const expected = orList(issue.values.map((each) => (typeof each === "string" ? `'${each}'` : String(each))));
      const type = issue.values.length === 1 ? "literal_error" : "enum";
      return { type, msg: `Input should be ${expected}`, ctx: { expected } };
    }
    default:
      return { type: "value_error", msg: `Value error, ${issue.message}`, ctx: { error: issue.message } };
  }
}

function describeCustom(issue: Extract<Issue, { code: "custom" }>): Entry {
  const { type, ctx } = issue.params ?? {};
  if (typeof type !== "string")
    return { type: "value_error", msg: `Value error, ${issue.message}`, ctx: { error: issue.message } };
  return { type, msg: issue.message, ...(ctx === undefined ? {} : { ctx }) };
}

const WRONG_TYPES: Readonly<Record<string, Entry>> = {
  string: { type: "string_type", msg: "Input should be a valid string" },
  boolean: { type: "bool_type", msg: "Input should be a valid boolean" },
  number: { type: "float_type", msg: "Input should be a valid number" },
  int: { type: "int_type", msg: "Input should be a valid integer" },
  array: { type: "list_type", msg: "Input should be a valid list" },
  object: { type: "model_attributes_type", msg: "Input should be a valid dictionary or object to extract fields from" },
  record: { type: "dict_type", msg: "Input should be a valid dictionary" },
};

function describeType(expected: string, value: unknown): Entry {
  if (expected === "int" && typeof value === "number") {
    return { type: "int_from_float", msg: "Input should be a valid integer, got a number with a fractional part" };
  }
  if (expected === "boolean" && typeof value === "string") {
    return { type: "bool_parsing", msg: "Input should be a valid boolean, unable to interpret input" };
  }
  return WRONG_TYPES[expected] ?? { type: "value_error", msg: `Value error, expected ${expected}` };
}

function describeBound(issue: Extract<Issue, { code: "too_small" | "too_big" }>, value: unknown): Entry {
  const small = issue.code === "too_small";
  const bound = Number(small ? issue.minimum : issue.maximum);
  const word = small ? "at least" : "at most";
  if (issue.origin === "string") {
    return {
      type: small ? "string_too_short" : "string_too_long",
      msg: `String should have ${word} ${bound} character${bound === 1 ? "" : "s"}`,
      ctx: { [small ? "min_length" : "max_length"]: bound },
    };
  }
  if (issue.origin === "array") {
    const actual = Array.isArray(value) ? value.length : 1;
    return {
      type: small ? "too_short" : "too_long",
      msg: `List should have ${word} ${bound} item${bound === 1 ? "" : "s"} after validation, not ${actual}`,
      ctx: { field_type: "List", [small ? "min_length" : "max_length"]: bound, actual_length: actual },
    };
  }
  const than = small ? "greater" : "less";
  return issue.inclusive === false
    ? { type: `${than}_than`, msg: `Input should be ${than} than ${bound}`, ctx: { [small ? "gt" : "lt"]: bound } }
    : {
        type: `${than}_than_equal`,
        msg: `Input should be ${than} than or equal to ${bound}`,
        ctx: { [small ? "ge" : "le"]: bound },
      };
}

function describeFormat(issue: Extract<Issue, { code: "invalid_format" }>): Entry {
  switch (issue.format) {
    case "datetime": {
      const error = "invalid format";
      return {
        type: "datetime_from_date_parsing",
        msg: `Input should be a valid datetime or date, ${error}`,
        ctx: { error },
      };
    }
    case "regex": {
      const pattern = String(issue.pattern).replace(/^\/(.*)\/[a-z]*$/s, "$1");
      return { type: "string_pattern_mismatch", msg: `String should match pattern '${pattern}'`, ctx: { pattern } };
    }
    default:
      return { type: "value_error", msg: `Value error, ${issue.message}`, ctx: { error: issue.message } };
  }
}

function valueAt(input: unknown, path: readonly (string | number)[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    // An own property of an object of unknown shape.
    value = (value as Record<string | number, unknown>)[key];
  }
  return value;
}

const MAX_ECHO = 1000;

/** The offending value goes back to the client; a whole pipeline or a long text does not. */
function presentable(value: unknown): unknown {
  if (typeof value === "string") return value.length <= MAX_ECHO ? value : `${value.slice(0, MAX_ECHO)}…`;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).slice(0, 50);
  const shown = entries.map(([key, each]) => [
    key,
    typeof each === "object" && each !== null ? shallow(each) : presentable(each),
  ]);
  return Array.isArray(value) ? shown.map(([, each]) => each) : Object.fromEntries(shown);
}

function shallow(value: object): unknown {
  const json = JSON.stringify(value);
  return json.length <= MAX_ECHO ? value : `${json.slice(0, MAX_ECHO)}…`;
}

function orList(items: readonly string[]): string {
  const last = items.at(-1) ?? "";
  return items.length < 2 ? last : `${items.slice(0, -1).join(", ")} or ${last}`;
}
