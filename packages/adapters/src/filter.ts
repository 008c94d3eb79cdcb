import {
  type Adapter,
  compileExpression,
  defineAdapter,
  type Expression,
  expressionField,
  isTruthy,
} from "@millrace/engine";
import { z } from "zod";

const config = z.strictObject({
  when: expressionField().describe("A JSONata expression over the payload; what it is not true for is dropped"),
});

const EXAMPLE = `version: "1.0"
routes:
  large: { adapters: [{ type: filter, config: { when: "size > 1000" } }] }
init_message: { route: large, payload: { size: 2000 } }
`;

/** Drops what does not match. */
export const filter: Adapter<z.infer<typeof config>, Expression> = defineAdapter({
  type: "filter",
  category: "flow",
  description: "Passes on the messages for which `when` is true, and drops the others.",
  config,
  example: EXAMPLE,
  prepare: ({ when }) => compileExpression(when),
  async process({ payload }, { prepared }) {
    return isTruthy(await prepared.evaluate(payload)) ? payload : undefined;
  },
});
