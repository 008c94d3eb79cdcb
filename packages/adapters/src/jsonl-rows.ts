import { type Adapter, defineAdapter } from "@millrace/engine";
import type { JsonObject, JsonValue } from "@millrace/protocol";
import { z } from "zod";
import { BrokenRows, SHOWN_CHARACTERS } from "./broken-rows.ts";
import { EVERYWHERE, type FilePlaces } from "./file-places.ts";
import { toPayload } from "./payload.ts";
import { keptOf, rowFields, textOf } from "./row-source.ts";

const config = z.strictObject(rowFields);

const EXAMPLE = `version: "1.0"
routes:
  rows: { adapters: [{ type: jsonl_rows, config: { field: lines } }, { type: log, config: { message: "\${row}: \${name}" } }] }
init_message: { route: rows, payload: { lines: "{\\"name\\":\\"Ada\\"}\\n{\\"name\\":\\"Grace\\"}\\n" } }
`;

/** One message per line of JSON. */
export const jsonlRows: Adapter<z.infer<typeof config>> = makeJsonlRows(EVERYWHERE);

/** The same, for the files of these places. */
export function makeJsonlRows(places: FilePlaces): Adapter<z.infer<typeof config>> {
  return defineAdapter({
    type: "jsonl_rows",
    category: "source",
    // Without a field it reads a file of this machine.
    stateful: ({ field }) => field === undefined,
    description:
      "Reads JSON Lines, from the file at `path` or from a field: one message per line, an object as it is, anything else as `{value}`, with the line's number.",
    config,
    example: EXAMPLE,
    references: ({ broken_to: to }) => (to === undefined ? {} : { routes: [{ route: to, path: ["broken_to"] }] }),
    async *process({ payload }, { config: settings, signal, log }) {
      const { number_field: numberField, max_row_length: maxRow } = settings;
      const kept = keptOf(payload, settings.keep);
      const broken = new BrokenRows(settings.broken_to, settings.max_broken, kept);
      let good = 0;
      const pieces = textOf(payload, { ...settings, maxBytes: settings.max_bytes, places }, signal);
      for await (const { line, text, tooLong } of linesOf(pieces, maxRow)) {
        if (text.trim() === "") continue;
        const row = tooLong ? `it is longer than ${maxRow} characters (max_row_length)` : parse(text, numberField);
        if (typeof row === "string") {
          yield* broken.note({ row: line, line, error: row, text: text.slice(0, SHOWN_CHARACTERS) });
          continue;
        }
        good += 1;
        yield { ...kept, ...row, [numberField]: line };
      }
      broken.end(good, log);
    },
  });
}

interface Line {
  readonly line: number;
  readonly text: string;
  readonly tooLong: boolean;
}

/** Of a line that is too long, no more than its beginning is held. */
async function* linesOf(pieces: AsyncIterable<string>, maxRow: number): AsyncGenerator<Line> {
  let line = 1;
  let rest = "";
  let tooLong = false;
  for await (const piece of pieces) {
    let at = 0;
    for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", at)) {
      const text = rest + piece.slice(at, end);
      yield { line, text, tooLong: tooLong || text.length > maxRow };
      line += 1;
      rest = "";
      tooLong = false;
      at = end + 1;
    }
    rest += piece.slice(at);
    if (rest.length > maxRow) {
      tooLong = true;
      rest = rest.slice(0, SHOWN_CHARACTERS);
    }
  }
  yield { line, text: rest, tooLong };
}

/** A text: what is wrong with the line. */
function parse(text: string, numberField: string): JsonObject | string {
  if (text.includes("\uFFFD")) return "it holds bytes that are not of the encoding";
  try {
    // What a JSON parser returns is JSON.
    const row = toPayload(JSON.parse(text) as JsonValue);
    return Object.hasOwn(row, numberField) ? `it has a field "${numberField}" itself; set number_field` : row;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    // The parser shows the text around; it is in the row's own text already, and may be long.
    return `it is no JSON: ${why.slice(0, 200)}`;
  }
}
