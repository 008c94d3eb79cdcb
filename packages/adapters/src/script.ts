import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { compileScript } from "./script/compile-script.ts";
import { ScriptProcess } from "./script/script-process.ts";

const config = z.strictObject({
  code: z
    .string()
    .min(1)
    .max(65_536)
    .check(({ value, issues }) => {
      const compiled = compileScript(value);
      if ("javascript" in compiled) return;
      issues.push({ code: "custom", input: value, path: [], message: compiled.problem });
    })
    .describe(
      "TypeScript (types are erased, not checked) that declares `function process(payload, message)`: what it returns or yields goes on; `message` has `id`, `parent_id`, `execution_id`, `route`, `attempt` and `piece`, and `log(text)` writes a line",
    ),
  max_seconds: z
    .number()
    .gt(0)
    .max(3600)
    .default(1)
    .describe("The longest that the script may take for a message, in seconds; it is ended then"),
  max_memory_mb: z.int().min(16).max(2048).default(64).describe("The most memory that the script may use, in MiB"),
  max_messages: z
    .int()
    .min(1)
    .max(100_000)
    .default(10_000)
    .describe("The most messages that it may make of one; they leave together when it is done"),
});

const EXAMPLE = `version: "1.0"
routes:
  orders:
    adapters:
      - type: split
        config: { field: orders }
      - type: script
        config:
          code: |
            interface Order { id: number; lines: { price: number; count: number }[] }

            function process(order: Order) {
              const total = order.lines.reduce((sum, line) => sum + line.price * line.count, 0);
              if (total === 0) return;
              return { id: order.id, total };
            }
      - type: log
        config: { message: "order \${id}: \${total}" }
init_message: { route: orders, payload: { orders: [{ id: 1, lines: [{ price: 5, count: 2 }] }] } }
`;

/** Runs a small function that stands in the pipeline. */
export const script: Adapter<z.infer<typeof config>, ScriptProcess> = defineAdapter({
  type: "script",
  category: "flow",
  description:
    "Runs a small function in TypeScript on each message, in a process that can reach no file, network, process or module.",
  config,
  example: EXAMPLE,
  prepare({ code, max_seconds: seconds, max_memory_mb: memoryMb, max_messages: maxMessages }) {
    const compiled = compileScript(code);
    if ("problem" in compiled) {
      throw new AdapterError("SCRIPT_INVALID", `The script cannot run: ${compiled.problem}.`, { retryable: false });
    }
    return new ScriptProcess(compiled.javascript, { timeMs: seconds * 1000, memoryMb, maxMessages });
  },
  async process(message, { prepared, log, signal }) {
    const about = {
      id: message.id,
      parent_id: message.parentId,
      execution_id: message.executionId,
      route: message.route,
      attempt: message.attempt,
      piece: message.piece,
    };
    const call = { payloadJson: JSON.stringify(message.payload), messageJson: JSON.stringify(about) };
    return [...(await prepared.run(call, log, signal))];
  },
});
