import {
  completedEventSchema,
  endDataSchema,
  failedEventSchema,
  gapDataSchema,
  initiatedEventSchema,
  type JsonObject,
  processingEventSchema,
  progressDataSchema,
} from "@millrace/protocol";
import { z } from "zod";
import { cell, descriptionOf, fieldsOf, wordsOf } from "./schema-words.ts";

/** Every frame that a stream may carry: its type, when it comes, what its data is. */
const FRAMES: readonly (readonly [type: string, when: string, data: z.ZodType])[] = [
  [
    "initiated",
    "Processing of a message started: it was taken from its queue; again for every retry.",
    initiatedEventSchema,
  ],
  ["processing", "An adapter works on the message: once per attempt and adapter that runs.", processingEventSchema],
  ["completed", "Processing of the message completed: its chain is done.", completedEventSchema],
  ["failed", "Processing of the message failed; with `will_retry` another `initiated` follows.", failedEventSchema],
  [
    "progress",
    "With `view=progress`, in place of events: the state of the run, whenever it has changed.",
    progressDataSchema,
  ],
  ["gap", "Retention has removed events after the cursor; the stream goes on behind them.", gapDataSchema],
  [
    "end",
    "The last frame before the service closes the stream, and why; in a stream over several executions also as each of them ends.",
    endDataSchema,
  ],
];

/** Frames that are events of the journal share most of their fields. */
const EVENTS = 4;

/** The reference of events and other frames. */
export function eventPage(note: string): string {
  const schemas = FRAMES.map(([, , data]) => toJson(data));
  const events = schemas.slice(0, EVENTS).map((schema) => new Set(fieldsOf(schema).map(({ name }) => name)));
  const common = (name: string) => name !== "type" && events.every((names) => names.has(name));
  const [first] = schemas;
  const sections = FRAMES.map(([type, when], index) => {
    const own = table(schemas[index] ?? {}, (name) => (index < EVENTS ? !common(name) && name !== "type" : true));
    return `## ${type}\n\n${when}\n\n${own}`;
  });
  return `${note}

# Events

What the stream of an execution carries. A frame is its type in \`event:\`, one line of JSON in \`data:\`, and an \`id:\`.
[Watch an execution](../events.md) says how to open a stream, resume it, and what its end means; [message error
codes](errors.md#in-failed-events) are what \`error.code\` may be.

## What all events have

An event is \`initiated\`, \`processing\`, \`completed\` or \`failed\`. Its \`type\` is in the data, too.

${table(first ?? {}, common)}

${sections.join("\n\n")}
`;
}

function table(schema: JsonObject, wanted: (name: string) => boolean): string {
  const rows = fieldsOf(schema)
    .filter(({ name }) => wanted(name.split(/[.[]/)[0] ?? name))
    .map(({ name, schema: field, required }) => {
      const description = descriptionOf(field);
      return `| \`${name}\` | ${cell(wordsOf(field, (reference) => reference))} | ${required ? "always" : "sometimes"} | ${description} |`;
    });
  if (rows.length === 0) return "It has no other fields.";
  return `| field | holds | there | meaning |\n| --- | --- | --- | --- |\n${rows.join("\n")}`;
}

// A JSON Schema is JSON.
const toJson = (schema: z.ZodType) => z.toJSONSchema(schema, { io: "output" }) as JsonObject;
