import type { FilterOperator, SearchFilter } from "@millrace/engine";

const SIGNS: Readonly<Record<Exclude<FilterOperator, "eq" | "ne">, string>> = { gt: ">", ge: ">=", lt: "<", le: "<=" };

/**
 * What a document's metadata must be: part of a WHERE clause over `search_documents d`, which begins with AND or is empty.
 * `bind` takes a value, and says what stands for it.
 */
export function filterClause(filters: readonly SearchFilter[], bind: (value: string | number) => string): string {
  const parts: string[] = [];
  const exists = (field: string, conditions: readonly string[]) => {
    const value = `d.metadata -> ${bind(field)}::text`;
    const list = `CASE WHEN jsonb_typeof(${value}) = 'array' THEN ${value} ELSE jsonb_build_array(${value}) END`;
    return `EXISTS (SELECT 1 FROM jsonb_array_elements(${list}) j WHERE ${conditions.join(" OR ") || "FALSE"})`;
  };
  const equal = Map.groupBy(
    filters.filter(({ operator }) => operator === "eq"),
    ({ field }) => field,
  );
  for (const [field, alternatives] of equal)
    parts.push(
      exists(
        field,
        alternatives.flatMap((filter) => equals(filter, bind)),
      ),
    );
  for (const filter of filters) {
    if (filter.operator === "eq") continue;
    if (filter.operator === "ne") parts.push(`NOT ${exists(filter.field, equals(filter, bind))}`);
    else parts.push(exists(filter.field, compares(filter, SIGNS[filter.operator], bind)));
  }
  return parts.map((part) => ` AND ${part}`).join("");
}

function equals({ value }: SearchFilter, bind: (value: string | number) => string): string[] {
  if (value === true || value === false) return [`j = '${value}'::jsonb`];
  const conditions = [`(jsonb_typeof(j) = 'string' AND j #>> '{}' = ${bind(String(value))}::text)`];
  const number = numberOf(value);
  if (number !== null) conditions.push(numberCondition("=", number, bind));
  if (value === "true" || value === "false") conditions.push(`j = '${value}'::jsonb`);
  return conditions;
}

function compares({ value }: SearchFilter, sign: string, bind: (value: string | number) => string): string[] {
  const conditions = [`(jsonb_typeof(j) = 'string' AND (j #>> '{}') COLLATE "C" ${sign} ${bind(String(value))}::text)`];
  const number = typeof value === "boolean" ? null : numberOf(value);
  return number === null ? conditions : [...conditions, numberCondition(sign, number, bind)];
}

/** What is no number is not read as one, in whatever order conditions are looked at. */
function numberCondition(sign: string, number: number, bind: (value: string | number) => string): string {
  return `(CASE WHEN jsonb_typeof(j) = 'number' THEN (j #>> '{}')::numeric ${sign} ${bind(number)}::numeric ELSE FALSE END)`;
}

/** Of a number, or of the text of one. */
function numberOf(value: string | number): number | null {
  if (typeof value === "number") return value;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(value) ? Number(value) : null;
}
