import { MillraceError } from "@millrace/protocol";
import { z } from "zod";
import { type AdapterRegistry, type AnyAdapter, defineAdapter } from "../adapter.ts";
import { expressionField, templateField } from "../expression.ts";

const logConfig = z.strictObject({
  level: z.enum(["debug", "info", "warn", "error"]).default("info"),
  message: templateField().optional(),
});

const generateConfig = z.strictObject({
  count: z.int().min(0).describe("How many messages to emit"),
  payload: z.record(z.string(), z.unknown()).default({}),
  start: z.int().default(0),
});

const switchConfig = z.strictObject({
  cases: z.array(z.strictObject({ when: expressionField(), to: z.string() })).min(1),
  default: z.string().optional(),
});

const batchConfig = z.strictObject({ size: z.int().min(1), seconds: z.number().min(0).default(1) });

const splitConfig = z
  .strictObject({ max_tokens: z.int().min(1).default(512), overlap_tokens: z.int().min(0).default(0) })
  .refine((config) => config.overlap_tokens < config.max_tokens, {
    path: ["overlap_tokens"],
    error: (issue) => `must be less than max_tokens; given ${JSON.stringify(issue.input)}`,
  });

const requestConfig = z.strictObject({
  url: z.url().describe("Where to send the request"),
  token: z.string().optional(),
  headers: z.record(z.string(), templateField()).optional(),
  body: z.union([templateField(), z.strictObject({ field: z.string() })]).optional(),
  follow_redirects: z.boolean().default(true),
  timeout_seconds: z.number().gt(0).max(3600).default(30),
});

/** Small adapters in the shape of the built-in ones, with one of each kind that a definition can meet. */
export const TEST_ADAPTERS: readonly AnyAdapter[] = [
  defineAdapter({
    type: "batch",
    description: "Gathers.",
    config: batchConfig,
    gather: ({ size, seconds }) => ({ size, timeoutMs: seconds * 1000 }),
  }),
  defineAdapter({
    type: "filter",
    description: "Drops what does not match.",
    config: z.strictObject({ when: expressionField() }),
    process: () => [],
  }),
  defineAdapter({ type: "generate", description: "Emits.", config: generateConfig, process: () => [] }),
  defineAdapter({ type: "http_request", description: "Requests.", config: requestConfig, process: () => [] }),
  defineAdapter({ type: "log", description: "Logs.", config: logConfig, process: (message) => message.payload }),
  defineAdapter({ type: "markdown_split", description: "Cuts.", config: splitConfig, process: () => [] }),
  defineAdapter({
    type: "switch",
    description: "Routes.",
    config: switchConfig,
    references: (config) => ({
      routes: [
        ...config.cases.map(({ to }, index) => ({ route: to, path: ["cases", index, "to"] })),
        ...(config.default === undefined ? [] : [{ route: config.default, path: ["default"] }]),
      ],
    }),
    process: () => [],
  }),
];

const THROWING = defineAdapter({
  type: "throwing",
  description: "Fails while its config is checked.",
  config: z.looseObject({}).refine((config) => {
    throw new Error(`a fault of the schema on ${JSON.stringify(config)}`);
  }),
  process: () => [],
});

/** The registry of the test adapters; two paths name files of trouble. */
export const TEST_REGISTRY: AdapterRegistry = {
  async resolve(type) {
    if (type === "./adapters/broken.ts") throw new MillraceError("ADAPTER_INVALID", "it has no default export");
    if (type === "./adapters/throwing.ts") return THROWING;
    return TEST_ADAPTERS.find((adapter) => adapter.type === type);
  },
  list: () => TEST_ADAPTERS,
};
