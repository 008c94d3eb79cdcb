import type { JsonValue } from "@millrace/protocol";
import type { CustomTypesConfig } from "pg";

/** Texts of the server as JSON, by the number of their type. */
type Convert = (text: string) => JsonValue;

const integer: Convert = (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text);
const real: Convert = (text) => (Number.isFinite(Number(text)) ? Number(text) : null);
const asText: Convert = (text) => text;

/** `2024-01-31 12:00:00.5+00` as RFC 3339; `infinity` as it is. */
const time: Convert = (text) => text.replace(" ", "T").replace(/\+00(?::00)?$/, "Z");

/** `\x0aff` as base64. */
const bytes: Convert = (text) => Buffer.from(text.replace(/^\\x/, ""), "hex").toString("base64");

const SCALARS: Readonly<Record<number, Convert>> = {
  16: (text) => text === "t",
  17: bytes,
  20: integer,
  21: integer,
  23: integer,
  26: integer,
  114: (text) => JSON.parse(text),
  700: real,
  701: real,
  1114: time,
  1184: time,
  3802: (text) => JSON.parse(text),
};

/** Types of lists, and those of their elements. */
const LISTS: Readonly<Record<number, number>> = {
  1000: 16,
  1001: 17,
  1005: 21,
  1007: 23,
  1016: 20,
  1021: 700,
  1022: 701,
  199: 114,
  1115: 1114,
  1185: 1184,
  3807: 3802,
  // Those whose elements are texts here: numeric, date, text, varchar, uuid, char.
  1231: 1700,
  1182: 1082,
  1009: 25,
  1015: 1043,
  2951: 2950,
  1014: 1042,
};

/**
 * How values of PostgreSQL become JSON: whole numbers beyond 2^53, `numeric`, dates and times as text, so that no digit is
 * lost; `bytea` in base64; what has no place in JSON as the server writes it.
 */
export async function postgresTypes(): Promise<CustomTypesConfig> {
  const { default: pg } = await import("pg");
  const { arrayParser } = pg.types as typeof pg.types & {
    // The types lack it.
    readonly arrayParser: { create(text: string, convert: Convert): { parse(): JsonValue[] } };
  };
  const parserOf = (oid: number): Convert => {
    const element = LISTS[oid];
    if (element === undefined) return SCALARS[oid] ?? asText;
    const convert = SCALARS[element] ?? asText;
    return (text) => arrayParser.create(text, convert).parse();
  };
  // The library's types say that parsers of binary values come out here as well: none is asked for.
  return { getTypeParser: ((oid: number) => parserOf(oid)) as CustomTypesConfig["getTypeParser"] };
}
