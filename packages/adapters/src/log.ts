import { type Adapter, compileTemplate, defineAdapter, type Template, templateField } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";
import { templateInput } from "./template-input.ts";

const config = z.strictObject({
  level: z.enum(["debug", "info", "warn", "error"]).default("info").describe("How loud"),
  message: templateField()
    .optional()
    .describe("What to say, with `${…}` over the message; default the payload, shortened"),
});

/** The longest payload that is logged, in characters. */
const MAX_LOGGED = 500;

const EXAMPLE = `version: "1.0"
routes:
  tell: { adapters: [{ type: log, config: { level: warn, message: "\${name} is here" } }] }
init_message: { route: tell, payload: { name: Ada } }
`;

/** Logs, and passes the message on. */
export const log: Adapter<z.infer<typeof config>, Template | null> = defineAdapter({
  type: "log",
  category: "flow",
  description: "Writes a line to the service's log and passes the message on.",
  config,
  example: EXAMPLE,
  prepare: ({ message }) => (message === undefined ? null : compileTemplate(message)),
  async process(message, { config: { level }, prepared, log: writer }) {
    writer[level](prepared === null ? shorten(message.payload) : await prepared.render(templateInput(message)));
    return message.payload;
  },
});

function shorten(payload: JsonObject): string {
  const text = JSON.stringify(payload);
  // A cut may fall into the middle of a character.
  return text.length <= MAX_LOGGED ? text : `${text.slice(0, MAX_LOGGED).toWellFormed()}…`;
}
