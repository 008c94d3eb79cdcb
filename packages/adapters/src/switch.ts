import {
  type Adapter,
  compileExpression,
  defineAdapter,
  type Expression,
  expressionField,
  isTruthy,
  routeField,
  routeTo,
} from "@millrace/engine";
import { z } from "zod";

const config = z.strictObject({
  cases: z
    .array(
      z.strictObject({
        when: expressionField().describe("A JSONata expression over the payload"),
        to: routeField().describe("The route to send to when it is true"),
      }),
    )
    .min(1)
    .describe("Tried in order; the first that is true counts"),
  default: routeField().optional().describe("The route for what matches no case; without it such messages end here"),
});

interface PreparedCase {
  readonly when: Expression;
  readonly to: string;
}

const EXAMPLE = `version: "1.0"
routes:
  sort:
    adapters:
      - type: switch
        config: { cases: [{ when: "size > 1000", to: large }], default: small }
  large: { adapters: [{ type: log }] }
  small: { adapters: [{ type: log }] }
init_message: { route: sort, payload: { size: 1 } }
`;

/** Sends to the first route that matches. */
export const switchAdapter: Adapter<z.infer<typeof config>, PreparedCase[]> = defineAdapter({
  type: "switch",
  category: "flow",
  description: "Sends each message to the route of the first case that matches, past the rest of the chain.",
  config,
  example: EXAMPLE,
  references: ({ cases, default: fallback }) => ({
    routes: [
      ...cases.map(({ to }, index) => ({ route: to, path: ["cases", index, "to"] })),
      ...(fallback === undefined ? [] : [{ route: fallback, path: ["default"] }]),
    ],
  }),
  prepare: ({ cases }) => cases.map(({ when, to }) => ({ when: compileExpression(when), to })),
  async process({ payload }, { config: { default: fallback }, prepared }) {
    for (const { when, to } of prepared) if (isTruthy(await when.evaluate(payload))) return [routeTo(to, payload)];
    return fallback === undefined ? [] : [routeTo(fallback, payload)];
  },
});
