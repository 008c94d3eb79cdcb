import {
  type Adapter,
  AdapterError,
  compileTemplate,
  defineAdapter,
  type Template,
  templateField,
} from "@millrace/engine";
import type { JsonValue } from "@millrace/protocol";
import { z } from "zod";
import { objectKey, stageField } from "./object-key.ts";
import { templateInput } from "./template-input.ts";

const config = z.strictObject({
  stage: stageField(),
  name: templateField()
    .min(1)
    .default("${message_id}")
    .describe("The object's name, with `${…}` over the message; `/` makes folders"),
  field: z.string().min(1).optional().describe("The field to write; default the whole payload"),
  content_type: z
    .string()
    .regex(/^[\x21-\x7e][\x20-\x7e]{0,255}$/, "must be a media type, in ASCII")
    .optional()
    .describe("Default `application/json`, and `text/plain` for a text"),
});

const EXAMPLE = `version: "1.0"
routes:
  keep: { adapters: [{ type: store_write, config: { stage: people, name: "\${name}.json" } }] }
init_message: { route: keep, payload: { name: Ada } }
`;

/** Writes an object to the object store. */
export const storeWrite: Adapter<z.infer<typeof config>, Template> = defineAdapter({
  type: "store_write",
  category: "sink",
  description:
    "Writes the payload, or one field of it, as an object at `executions/{execution}/{route}/{stage}/{name}`; adds `object_key`.",
  config,
  example: EXAMPLE,
  prepare: ({ name }) => compileTemplate(name),
  async process(message, { config: { stage, field, content_type: contentType }, prepared, objects }) {
    const { payload } = message;
    if (field !== undefined && !Object.hasOwn(payload, field)) {
      throw new AdapterError("FIELD_MISSING", `The message has no field "${field}" to write.`, { retryable: false });
    }
    const value: JsonValue | undefined = field === undefined ? payload : payload[field];
    const name = await prepared.render(templateInput(message));
    const key = objectKey(message, stage, name);
    const isText = typeof value === "string";
    const body = isText ? value : `${JSON.stringify(value, null, 2)}\n`;
    await objects.put(key, Buffer.from(body), {
      contentType: contentType ?? (isText ? "text/plain; charset=utf-8" : "application/json"),
      messageId: message.id,
      createdAt: new Date().toISOString(),
    });
    return { ...payload, object_key: key };
  },
});
