import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { toPayload } from "./payload.ts";

const config = z.strictObject({
  field: z.string().min(1).describe("The payload's field that holds the array; a dotted path reaches into objects"),
  part_field: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The field that gets the message's place in the whole, `{group, index, count}`, by which `join` puts them together; default none",
    ),
});

const EXAMPLE = `version: "1.0"
routes:
  each: { adapters: [{ type: split, config: { field: items } }] }
init_message: { route: each, payload: { items: [1, 2, 3] } }
`;

/** One message per element of an array. */
export const split: Adapter<z.infer<typeof config>> = defineAdapter({
  type: "split",
  category: "flow",
  description:
    "Emits one message per element of the array in `field`: an object as it is, anything else as `{value}`; plus `index`.",
  config,
  example: EXAMPLE,
  *process({ id, piece, payload }, { config: { field, part_field: partField } }) {
    let value: unknown = payload;
    for (const name of Object.hasOwn(payload, field) ? [field] : field.split(".")) {
      // An own property of an object of unknown shape.
      value =
        typeof value === "object" && value !== null && Object.hasOwn(value, name)
          ? (value as Record<string, unknown>)[name]
          : undefined;
    }
    if (!Array.isArray(value)) {
      const found = value === undefined ? "is missing" : "is not an array";
      throw new AdapterError("NOT_AN_ARRAY", `The field "${field}" ${found}.`, { retryable: false });
    }
    const group = piece === 0 ? id : `${id}/${piece}`;
    for (const [index, element] of value.entries()) {
      const part = partField === undefined ? {} : { [partField]: { group, index, count: value.length } };
      yield { ...toPayload(element), index, ...part };
    }
  },
});
