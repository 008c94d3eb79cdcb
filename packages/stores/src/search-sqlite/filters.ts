import type { FilterOperator, SearchFilter } from "@millrace/engine";

/** Part of a WHERE clause over `documents d`, and the values of its parameters. */
export interface FilterClause {
  /** Begins with AND, or is empty. */
  readonly sql: string;
  readonly values: (string | number)[];
}

const SIGNS: Readonly<Record<Exclude<FilterOperator, "eq" | "ne">, string>> = { gt: ">", ge: ">=", lt: "<", le: "<=" };

/** What a document's metadata must be. */
export function filterClause(filters: readonly SearchFilter[]): FilterClause {
  const values: (string | number)[] = [];
  const parts: string[] = [];
  const equal = Map.groupBy(
    filters.filter(({ operator }) => operator === "eq"),
    ({ field }) => field,
  );
  const exists = (field: string, conditions: () => string[]) => {
    values.push(`$.${JSON.stringify(field)}`);
    return `EXISTS (SELECT 1 FROM json_each(d.metadata, ?) j WHERE ${conditions().join(" OR ")})`;
  };
  for (const [field, alternatives] of equal)
    parts.push(exists(field, () => alternatives.flatMap((filter) => equals(filter, values))));
  for (const filter of filters) {
    if (filter.operator === "eq") continue;
    if (filter.operator === "ne") parts.push(`NOT ${exists(filter.field, () => equals(filter, values))}`);
    else parts.push(exists(filter.field, () => compares(filter, SIGNS[filter.operator as keyof typeof SIGNS], values)));
  }
  return { sql: parts.map((part) => ` AND ${part}`).join(""), values };
}

function equals({ value }: SearchFilter, values: (string | number)[]): string[] {
  const conditions: string[] = [];
  if (typeof value !== "boolean") {
    values.push(String(value));
    conditions.push("(j.type = 'text' AND j.value = ?)");
    const number = numberOf(value);
    if (number !== null) {
      values.push(number);
      conditions.push("(j.type IN ('integer', 'real') AND j.value = ?)");
    }
  }
  if (value === true || value === "true") conditions.push("j.type = 'true'");
  if (value === false || value === "false") conditions.push("j.type = 'false'");
  return conditions;
}

function compares({ value }: SearchFilter, sign: string, values: (string | number)[]): string[] {
  values.push(String(value));
  const conditions = [`(j.type = 'text' AND j.value ${sign} ?)`];
  const number = typeof value === "boolean" ? null : numberOf(value);
  if (number === null) return conditions;
  values.push(number);
  return [...conditions, `(j.type IN ('integer', 'real') AND j.value ${sign} ?)`];
}

/** Of a number, or of the text of one. */
function numberOf(value: string | number): number | null {
  if (typeof value === "number") return value;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(value) ? Number(value) : null;
}
