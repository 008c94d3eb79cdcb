import {
  type Adapter,
  AdapterError,
  compileExpression,
  defineAdapter,
  type Expression,
  expressionField,
  isTruthy,
} from "@millrace/engine";
import { z } from "zod";

const config = z.strictObject({
  when: z
    .union([z.boolean(), expressionField()])
    .default(true)
    .describe("For which messages: true, or a JSONata expression over the payload"),
  attempts: z.int().min(0).optional().describe("Fails while the attempt's number is at most this; default: always"),
  code: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]{0,63}$/)
    .default("TEST_FAILURE")
    .describe("The error's code"),
  message: z.string().default("This failure was asked for.").describe("The error's message"),
  retryable: z.boolean().default(true).describe("Whether another attempt is made"),
  mode: z
    .enum(["throw", "hang", "exit", "block", "allocate"])
    .default("throw")
    .describe(
      "`throw` an error, `hang` for ever, `exit` the process, `block` the event loop for 5 seconds, or `allocate` memory until there is none",
    ),
});

/** How long `block` holds up everything, in milliseconds. */
const BLOCK_MS = 5_000;

const EXAMPLE = `version: "1.0"
routes:
  fragile:
    error_handling: { max_retries: 3, retry_delay_seconds: 0.1 }
    adapters:
      - { type: fail, config: { attempts: 2, code: FLAKY, message: "Not yet." } }
init_message: { route: fragile }
`;

/** Fails in one of several ways, for trying what failures do. */
export const fail: Adapter<z.infer<typeof config>, Expression | null> = defineAdapter({
  type: "fail",
  category: "test",
  description: "Fails on purpose, to try what a failure does to a pipeline; passes on what it does not fail.",
  config,
  example: EXAMPLE,
  prepare: ({ when }) => (typeof when === "string" ? compileExpression(when) : null),
  async process({ payload, attempt }, { config: { when, attempts, code, message, retryable, mode }, prepared }) {
    const meant = prepared === null ? when === true : isTruthy(await prepared.evaluate(payload));
    if (!meant || attempt > (attempts ?? Number.POSITIVE_INFINITY)) return payload;
    switch (mode) {
      case "throw":
        break;
      case "hang":
        await new Promise(() => {});
        break;
      case "exit":
        return process.exit(1);
      case "block":
        for (const until = performance.now() + BLOCK_MS; performance.now() < until; );
        break;
      case "allocate":
        for (const hoard: number[][] = []; ; ) hoard.push(new Array(1_000_000).fill(hoard.length));
    }
    throw new AdapterError(code, message, { retryable });
  },
});
