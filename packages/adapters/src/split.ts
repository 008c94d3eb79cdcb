import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { toPayload } from "./payload.ts";

const config = z.strictObject({
  field: z.string().min(1).describe("The payload's field that holds the array; a dotted path reaches into objects"),
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
  *process({ payload }, { config: { field } }) {
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
    for (const [index, element] of value.entries()) yield { ...toPayload(element), index };
  },
});
