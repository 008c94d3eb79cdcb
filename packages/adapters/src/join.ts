import { type Adapter, AdapterError, defineAdapter, type HeldParts, type Part } from "@millrace/engine";
import type { JsonObject, JsonValue } from "@millrace/protocol";
import { z } from "zod";

const config = z.strictObject({
  part_field: z
    .string()
    .min(1)
    .default("part")
    .describe("The field that says which part a message is: `{group, index, count}`, as `split` writes it"),
  keep: z
    .array(z.string().min(1))
    .default([])
    .describe("Fields of the first part that the whole takes along, as the part's own place in a larger whole"),
  timeout_seconds: z
    .number()
    .gt(0)
    .max(7 * 86_400)
    .default(300)
    .describe("How long the first part of a whole is held at most, in seconds; anew after a restart"),
  partial: z
    .enum(["fail", "emit"])
    .default("fail")
    .describe(
      "What becomes of a whole that is not complete when its time is over, or nothing more can come: its parts fail, or it goes on with `missing`",
    ),
  max_parts: z.int().min(1).max(1_000_000).default(10_000).describe("The most parts of a whole"),
  max_held: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(100_000)
    .describe("The most parts that are held in memory, of all wholes; beyond that the oldest whole is not waited for"),
});

type Config = z.infer<typeof config>;

const EXAMPLE = `version: "1.0"
routes:
  cut: { adapters: [{ type: split, config: { field: words, part_field: part } }], outbound: [count] }
  count:
    inbound: { concurrency: 4 }
    adapters: [{ type: json_transform, config: { expression: '{"part": part, "length": $length(value)}' } }]
    outbound: [sum]
  sum: { adapters: [{ type: join }, { type: json_transform, config: { expression: '{"letters": $sum(items.length)}' } }, { type: log, config: { message: "\${letters} letters" } }] }
init_message: { route: cut, payload: { words: [mill, race, wheel] } }
`;

/** Puts the parts of a split together again. */
export const join: Adapter<Config> = defineAdapter({
  type: "join",
  category: "flow",
  description:
    "Waits for all parts of a split, and sends one message for them: `{group, count, items, missing}`, the items in their order.",
  config,
  example: EXAMPLE,
  gather: (settings) => ({
    part: (payload) => partOf(payload, settings),
    whole: (held) => wholeOf(held, settings),
    timeoutMs: settings.timeout_seconds * 1000,
    maxHeld: settings.max_held,
  }),
});

function partOf(payload: JsonObject, settings: Config): Part {
  const name = settings.part_field;
  const part = Object.hasOwn(payload, name) ? payload[name] : undefined;
  if (part === undefined) {
    const text = `The message has no "${name}": let split write it (part_field), and each step on the way pass it on.`;
    throw refused("JOIN_PART_INVALID", text);
  }
  if (typeof part !== "object" || part === null || Array.isArray(part)) {
    throw refused("JOIN_PART_INVALID", `The field "${name}" is no part: {group, index, count}.`);
  }
  const { group, index, count } = part;
  if (typeof group !== "string" || !isCount(index) || !isCount(count) || index >= count) {
    throw refused(
      "JOIN_PART_INVALID",
      `The field "${name}" is no part: group must be a text, index and count whole numbers, index less than count.`,
    );
  }
  if (count > settings.max_parts) {
    throw refused("JOIN_TOO_LARGE", `"${group}" has ${count} parts; max_parts is ${settings.max_parts}.`);
  }
  return { group, index, count };
}

function wholeOf({ group, count, parts, because }: HeldParts, settings: Config): JsonObject {
  const missing: number[] = [];
  for (let index = 0; index < count; index += 1) if (!parts.has(index)) missing.push(index);
  if (missing.length > 0 && settings.partial === "fail") {
    const shown = missing.slice(0, 10).join(", ");
    const text = `Of ${count} parts of "${group}", ${missing.length} are missing (${shown}${missing.length > 10 ? ", …" : ""})`;
    throw refused("JOIN_INCOMPLETE", `${text}: ${reason(because, settings)}.`);
  }
  const [first] = parts.values();
  const kept = settings.keep.flatMap((name) =>
    first !== undefined && Object.hasOwn(first, name) ? [[name, first[name] ?? null] as const] : [],
  );
  return { ...Object.fromEntries(kept), group, count, items: [...parts.values()], missing };
}

function reason(because: HeldParts["because"], settings: Config): string {
  if (because === "timeout") return `the first was held for ${settings.timeout_seconds} s (timeout_seconds)`;
  if (because === "full") return `more than ${settings.max_held} parts are held (max_held)`;
  return "nothing more can come to the route, as they failed, were dropped or sent elsewhere";
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function refused(code: string, message: string): AdapterError {
  return new AdapterError(code, message, { retryable: false });
}
