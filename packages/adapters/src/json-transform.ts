import { type Adapter, compileExpression, defineAdapter, type Expression, expressionField } from "@millrace/engine";
import { z } from "zod";
import { toPayload } from "./payload.ts";

const config = z.strictObject({
  expression: expressionField().describe("A JSONata expression over the payload"),
});

const EXAMPLE = `version: "1.0"
routes:
  shape: { adapters: [{ type: json_transform, config: { expression: '{ "name": $uppercase(name), "long": $length(name) > 3 }' } }] }
init_message: { route: shape, payload: { name: mill } }
`;

/** Replaces the payload by an expression's value. */
export const jsonTransform: Adapter<z.infer<typeof config>, Expression> = defineAdapter({
  type: "json_transform",
  category: "flow",
  description:
    "Replaces the payload by the value of a JSONata expression: an array gives one message each, nothing gives none.",
  config,
  example: EXAMPLE,
  prepare: ({ expression }) => compileExpression(expression),
  async process({ payload }, { prepared }) {
    const value = await prepared.evaluate(payload);
    if (value === undefined) return [];
    return (Array.isArray(value) ? value : [value]).map(toPayload);
  },
});
