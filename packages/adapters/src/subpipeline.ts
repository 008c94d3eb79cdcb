import {
  type Adapter,
  AdapterError,
  type ChildOutcome,
  compileExpression,
  defineAdapter,
  type Expression,
  expressionField,
  type ObjectStore,
} from "@millrace/engine";
import type { JsonObject, JsonValue } from "@millrace/protocol";
import { z } from "zod";
import { keptOf } from "./row-source.ts";

const config = z.strictObject({
  config: z.string().min(1).max(256).describe("The stored config that is run, by its name or id"),
  payload: expressionField()
    .optional()
    .describe("A JSONata expression: what is merged into the payload of its first message; default the whole payload"),
  results: z
    .enum(["summary", "objects"])
    .default("summary")
    .describe(
      "`summary`: the message goes on once, with `subpipeline`; `objects`: a message per object that it wrote, `{object_key, object, subpipeline}`",
    ),
  stage: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)
    .optional()
    .describe("With `objects`: those of this stage alone"),
  keep: z
    .array(z.string().min(1))
    .default([])
    .describe("With `objects`: fields of the message that each result takes along"),
  max_results: z.int().min(1).max(1_000_000).default(10_000).describe("With `objects`: the most of them"),
  on_failure: z
    .enum(["fail", "emit"])
    .default("fail")
    .describe("Whether the message fails where the execution failed or was cancelled, or goes on and says so"),
  retry: z
    .boolean()
    .default(false)
    .describe("Whether such a failure is worth another attempt, which runs the whole pipeline again"),
});

type Config = z.infer<typeof config>;

const EXAMPLE = `version: "1.0"
routes:
  sites: { adapters: [{ type: split, config: { field: sites } }], outbound: [one] }
  one:
    inbound: { concurrency: 2 }
    error_handling: { timeout_seconds: 3600, on_error: continue }
    adapters:
      - { type: subpipeline, config: { config: crawl, payload: '{"url": value}', results: objects, stage: pages, keep: [value] } }
      - { type: log, config: { message: "\${value}: \${object_key}" } }
init_message: { route: sites, payload: { sites: ["https://example.org/"] } }
`;

/** Runs another pipeline for a message. */
export const subpipeline: Adapter<Config, Expression | null> = defineAdapter({
  type: "subpipeline",
  category: "flow",
  description:
    "Runs a stored config with the message as its first payload, and waits for its end; goes on with `subpipeline`: `{execution_id, status, completed, failed}`, or with the objects that it wrote.",
  config,
  example: EXAMPLE,
  // Children are started by the node that the execution belongs to.
  stateful: () => true,
  prepare: ({ payload }) => (payload === undefined ? null : compileExpression(payload)),
  async *process({ payload, piece }, { config: settings, prepared, children, objects, signal }) {
    if (children === undefined) {
      throw new AdapterError(
        "ISOLATION_UNSUITABLE",
        "subpipeline starts executions, which no thread can: give it isolation: none.",
        { retryable: false },
      );
    }
    const first = prepared === null ? payload : await firstPayload(prepared, payload);
    const outcome = await children.run({ config: settings.config, payload: first, piece });
    if (outcome.status !== "completed" && settings.on_failure === "fail") throw failed(outcome, settings);
    const summary = summaryOf(outcome);
    if (settings.results === "summary") {
      yield { ...payload, subpipeline: summary };
      return;
    }
    const kept = keptOf(payload, settings.keep);
    let found = 0;
    for await (const key of objects.list(`executions/${outcome.executionId}/`)) {
      signal.throwIfAborted();
      if (settings.stage !== undefined && key.split("/")[3] !== settings.stage) continue;
      found += 1;
      if (found > settings.max_results) {
        throw new AdapterError(
          "SUBPIPELINE_TOO_MANY_RESULTS",
          `The execution ${outcome.executionId} wrote more than ${settings.max_results} objects (max_results).`,
          { retryable: false },
        );
      }
      yield { ...kept, object_key: key, object: await contentOf(objects, key), subpipeline: summary };
    }
  },
});

async function firstPayload(expression: Expression, payload: JsonObject): Promise<JsonObject> {
  const value: unknown = await expression.evaluate(payload);
  // What JSONata makes of JSON is JSON; it marks lists that it made, so that it is written and read.
  const plain: unknown = value === undefined ? null : JSON.parse(JSON.stringify(value));
  if (typeof plain === "object" && plain !== null && !Array.isArray(plain)) return plain as JsonObject;
  throw new AdapterError("PAYLOAD_INVALID", "The expression `payload` gives no object.", { retryable: false });
}

/** JSON as it is, a text as text; null of what is neither. */
async function contentOf(objects: ObjectStore, key: string): Promise<JsonValue> {
  const found = await objects.get(key);
  if (found === null) return null;
  const { contentType } = found.metadata;
  if (/^application\/json\b/.test(contentType)) {
    try {
      return JSON.parse(found.body.toString("utf8"));
    } catch {
      return null;
    }
  }
  return /^text\//.test(contentType) ? found.body.toString("utf8") : null;
}

function summaryOf({ executionId, status, completed, failed, errorInfo }: ChildOutcome): JsonObject {
  return {
    execution_id: executionId,
    status,
    completed,
    failed,
    ...(errorInfo === null ? {} : { error: { code: errorInfo.code, message: errorInfo.message } }),
  };
}

function failed({ executionId, status, errorInfo }: ChildOutcome, { config: name, retry }: Config): AdapterError {
  const why = errorInfo === null ? "" : `: ${errorInfo.code}, ${errorInfo.message}`;
  return new AdapterError("SUBPIPELINE_FAILED", `"${name}" ended as ${status} (execution ${executionId})${why}`, {
    retryable: retry,
  });
}
