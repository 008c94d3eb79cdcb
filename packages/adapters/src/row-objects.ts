import { AdapterError, compileTemplate, type Message, type ObjectStore, templateField } from "@millrace/engine";
import type { JsonObject, JsonValue } from "@millrace/protocol";
import { z } from "zod";
import { objectKey, stageField } from "./object-key.ts";
import { templateInput } from "./template-input.ts";

/** The field of a config for the list of rows. */
export function rowsField() {
  return z
    .string()
    .min(1)
    .optional()
    .describe("The field with the rows, a list, as `items` of a batch; default: the payload is one row");
}

/** The fields of a config that say where an object of rows goes. */
export function rowObjectFields(extension: string) {
  return {
    field: rowsField(),
    stage: stageField(),
    name: templateField()
      .min(1)
      .optional()
      .describe(
        `The object's name, with \`\${…}\` over the message; \`/\` makes folders. Default \`\${message_id}.${extension}\`, of a message's second payload and further ones \`\${message_id}-1.${extension}\` and so on`,
      ),
    replace: z
      .boolean()
      .default(false)
      .describe("Whether an object of that name is replaced when another message, or payload, has written it"),
  };
}

/**
 * The rows of a message.
 * @throws AdapterError FIELD_MISSING, NOT_AN_ARRAY; not retryable
 */
export function rowsOf(payload: JsonObject, field: string | undefined): readonly JsonValue[] {
  if (field === undefined) return [payload];
  if (!Object.hasOwn(payload, field)) {
    throw new AdapterError("FIELD_MISSING", `The message has no field "${field}" with rows.`, { retryable: false });
  }
  const rows = payload[field];
  if (Array.isArray(rows)) return rows;
  throw new AdapterError("NOT_AN_ARRAY", `The field "${field}" is not a list of rows.`, { retryable: false });
}

/** Messages whose objects are remembered; more than are in flight, unless limits are set far higher than the default. */
const REMEMBERED = 1_000;

/** How a step names its objects, and what it has written of late. */
export class RowObjects {
  readonly #extension: string;
  readonly #stage: string | undefined;
  readonly #name: ReturnType<typeof compileTemplate> | null;
  readonly #replace: boolean;
  /** Keys of the payloads of each message, the oldest first. */
  readonly #keys = new Map<string, Set<string>>();
  /** Keys that are being written. */
  readonly #busy = new Set<string>();

  constructor(
    extension: string,
    config: { readonly stage?: string | undefined; readonly name?: string | undefined; readonly replace: boolean },
  ) {
    this.#extension = extension;
    this.#stage = config.stage;
    this.#name = config.name === undefined ? null : compileTemplate(config.name);
    this.#replace = config.replace;
  }

  /**
   * Writes the object of a message, whole or not at all, and returns its key. A message that is taken again writes the
   * same key again.
   * @throws AdapterError OBJECT_EXISTS, OBJECT_NAME_INVALID, EXPRESSION_FAILED; not retryable
   */
  async write(message: Message, objects: ObjectStore, body: string | Uint8Array, contentType: string): Promise<string> {
    const name = this.#name === null ? this.#ownName(message) : await this.#name.render(templateInput(message));
    const key = objectKey(message, this.#stage, name);
    if (this.#replace) {
      await this.#put(message, objects, key, body, contentType);
      return key;
    }
    // Looking and writing are two steps: nobody else may take the key in between.
    if (this.#busy.has(key)) throw exists(name);
    this.#busy.add(key);
    try {
      await this.#claim(message, objects, key, name);
      await this.#put(message, objects, key, body, contentType);
    } finally {
      this.#busy.delete(key);
    }
    return key;
  }

  #ownName({ id, piece }: Message): string {
    return `${id}${piece === 0 ? "" : `-${piece}`}.${this.#extension}`;
  }

  /** Sees that nobody's object is lost: neither another message's, nor that of another payload of this one. */
  async #claim(message: Message, objects: ObjectStore, key: string, name: string): Promise<void> {
    if (this.#name === null) return;
    const written = message.piece === 0 ? undefined : this.#keys.get(message.id);
    if (written?.has(key)) throw exists(name);
    const there = await objects.get(key);
    if (there !== null && there.metadata.messageId !== message.id) throw exists(name);
    this.#keys.delete(message.id);
    this.#keys.set(message.id, (written ?? new Set()).add(key));
    for (const oldest of this.#keys.keys()) {
      if (this.#keys.size <= REMEMBERED) break;
      this.#keys.delete(oldest);
    }
  }

  async #put(
    message: Message,
    objects: ObjectStore,
    key: string,
    body: string | Uint8Array,
    contentType: string,
  ): Promise<void> {
    await objects.put(key, typeof body === "string" ? Buffer.from(body) : body, {
      contentType,
      messageId: message.id,
      createdAt: new Date().toISOString(),
    });
  }
}

function exists(name: string): AdapterError {
  return new AdapterError(
    "OBJECT_EXISTS",
    `Another message, or another payload of this one, has written the object "${name.slice(0, 200)}" in this run. Put \${message_id} or another field that differs into \`name\`, or set \`replace: true\`.`,
    { retryable: false },
  );
}
