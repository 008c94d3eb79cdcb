import { type Adapter, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { RowObjects, rowObjectFields, rowsOf } from "./row-objects.ts";

const config = z.strictObject(rowObjectFields("jsonl"));

const EXAMPLE = `version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 2500, payload: { kind: reading } } }], outbound: [pages] }
  pages: { adapters: [{ type: batch, config: { size: 1000 } }], outbound: [keep] }
  keep: { adapters: [{ type: jsonl_write, config: { field: items, stage: readings } }] }
init_message: { route: make }
`;

/** Writes rows as an object of JSON lines. */
export const jsonlWrite: Adapter<z.infer<typeof config>, RowObjects> = defineAdapter({
  type: "jsonl_write",
  category: "sink",
  description:
    "Writes the payload, or the rows of a batch, as an object of JSON lines; adds `object_key` and `object_rows`.",
  config,
  example: EXAMPLE,
  prepare: (settings) => new RowObjects("jsonl", settings),
  async process(message, { config: { field }, prepared, objects }) {
    const rows = rowsOf(message.payload, field);
    const body = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
    const key = await prepared.write(message, objects, body, "application/x-ndjson");
    return { ...message.payload, object_key: key, object_rows: rows.length };
  },
});
