import { hash } from "node:crypto";
import {
  type Adapter,
  AdapterError,
  compileTemplate,
  defineAdapter,
  MAX_DOCUMENT_CHARACTERS,
  type Message,
  type QueryEmbedding,
  type SearchDocument,
  type Template,
  templateField,
} from "@millrace/engine";
import { collectionNameSchema, type JsonObject, type JsonValue, MillraceError } from "@millrace/protocol";
import { z } from "zod";
import { modelFields } from "./models/model-fields.ts";
import { onlyInServiceThread } from "./service-thread.ts";
import { templateInput } from "./template-input.ts";

/** The largest metadata of a document, in bytes of JSON. */
const MAX_METADATA_BYTES = 64 * 1024;

/** The longest id; a longer one is cut, and told from others by its hash. */
const MAX_ID_CHARACTERS = 512;

const config = z.strictObject({
  collection: collectionNameSchema.describe(
    "The collection that documents are put into, made where it is not there: letters, digits, `.`, `_` and `-`",
  ),
  id: templateField()
    .min(1)
    .optional()
    .describe(
      "The document's name in the collection, with `${…}` over the message, as `${path}#${index}`: one of the same id is replaced. Default: made of the message, so that another run adds the document again",
    ),
  text: z.string().min(1).default("text").describe("The field with the text that is searched"),
  title: templateField()
    .min(1)
    .optional()
    .describe(
      "The title, with `${…}` over the message: its words count for more. Default: the field `title`, where there is one",
    ),
  vector: z
    .string()
    .min(1)
    .default("vector")
    .describe("The field with the vector, as `embed` adds it; a document without one is found by its words alone"),
  metadata: z
    .array(z.string().min(1))
    .max(100)
    .optional()
    .describe(
      "Fields to show and filter by: texts, numbers, truth values, and lists of those. Default: all such fields that are not long",
    ),
  field: z
    .string()
    .min(1)
    .optional()
    .describe("The field with the documents, a list, as `items` of a batch; default: the payload is one"),
  language: z
    .enum(["english", "any"])
    .default("english")
    .describe(
      "Whether English endings make no difference to words (`running` finds `runs`), or all letters count. Stays with the collection",
    ),
  embedding: z
    .strictObject({
      base_url: modelFields.base_url,
      model: modelFields.model,
      api_key_env: modelFields.api_key_env,
      dimensions: z
        .int()
        .min(1)
        .max(65_536)
        .optional()
        .describe("Numbers of a vector, where the model is asked for other than its own"),
      prefix: z
        .string()
        .max(1_000)
        .default("")
        .describe("What is put before what is searched for, where the model wants it, as `query: `"),
    })
    .optional()
    .describe(
      "The model by which words that are searched for become a vector: the one that the documents were embedded with",
    ),
});

type Config = z.infer<typeof config>;

interface Prepared {
  readonly id: Template | null;
  readonly title: Template | null;
}

const EXAMPLE = `version: "1.0"
routes:
  cut: { adapters: [{ type: read_file }, { type: markdown_split }], outbound: [gather] }
  gather: { adapters: [{ type: batch, config: { size: 100 } }], outbound: [keep] }
  keep:
    adapters:
      - type: index
        config: { collection: docs, field: items, id: "\${path}#\${index}", title: "\${$join(heading_path, ' › ')}" }
init_message: { route: cut, payload: { path: README.md } }
`;

/** Puts documents into a collection. */
export const indexAdapter: Adapter<Config, Prepared> = defineAdapter({
  type: "index",
  category: "sink",
  description:
    "Puts the payload, or the documents of a batch, into a collection that is searched by words and by vectors; adds `documents_indexed`.",
  config,
  example: EXAMPLE,
  prepare: ({ id, title }) => {
    onlyInServiceThread("index");
    return {
      id: id === undefined ? null : compileTemplate(id),
      title: title === undefined ? null : compileTemplate(title),
    };
  },
  async process(message, { config: settings, prepared, search, signal }) {
    if (search === null) {
      throw new AdapterError("SEARCH_NOT_AVAILABLE", "This service has no collections to put documents into.", {
        retryable: false,
      });
    }
    const rows = documentsOf(message.payload, settings.field);
    const documents: SearchDocument[] = [];
    for (const [place, row] of rows.entries())
      documents.push(await toDocument(message, row, place, settings, prepared));
    signal.throwIfAborted();
    const { language, embedding } = settings;
    try {
      await search.put(
        settings.collection,
        { language, ...(embedding === undefined ? {} : { embedding: toEmbedding(embedding) }) },
        documents,
      );
    } catch (error) {
      throw toAdapterError(error);
    }
    return { ...message.payload, documents_indexed: documents.length };
  },
});

function documentsOf(payload: JsonObject, field: string | undefined): JsonObject[] {
  if (field === undefined) return [payload];
  if (!Object.hasOwn(payload, field)) {
    throw new AdapterError("FIELD_MISSING", `The message has no field "${field}" with documents.`, {
      retryable: false,
    });
  }
  const rows = payload[field];
  if (!Array.isArray(rows)) {
    throw new AdapterError("NOT_AN_ARRAY", `"${field}" is no list of documents.`, { retryable: false });
  }
  return rows.map((row, place) => {
    if (typeof row === "object" && row !== null && !Array.isArray(row)) return row;
    throw new AdapterError("DOCUMENT_INVALID", `Document ${place + 1} of "${field}" is no object.`, {
      retryable: false,
    });
  });
}

async function toDocument(
  message: Message,
  row: JsonObject,
  place: number,
  settings: Config,
  prepared: Prepared,
): Promise<SearchDocument> {
  const input = { ...templateInput(message), ...row, message_id: message.id };
  const id = prepared.id === null ? `${message.id}/${message.piece}/${place}` : await prepared.id.render(input);
  const name = shortId(id);
  const text = own(row, settings.text);
  if (typeof text !== "string")
    throw invalid("TEXT_MISSING", `The document "${name}" has no text in "${settings.text}".`);
  if (text.length > MAX_DOCUMENT_CHARACTERS) {
    throw invalid(
      "DOCUMENT_TOO_LARGE",
      `The document "${name}" has ${text.length} characters; at most ${MAX_DOCUMENT_CHARACTERS} are searched as one. Cut it before, with markdown_split or chunk.`,
    );
  }
  const title = prepared.title === null ? own(row, "title") : await prepared.title.render(input);
  const key = own(row, "object_key");
  return {
    id: name,
    title: typeof title === "string" && title !== "" ? title.slice(0, 1_000) : null,
    text,
    vector: vectorOf(own(row, settings.vector), name, settings.vector),
    metadata: metadataOf(row, settings, name),
    executionId: message.executionId,
    messageId: message.id,
    objectKey: typeof key === "string" ? key : null,
  };
}

function shortId(id: string): string {
  if (id.length <= MAX_ID_CHARACTERS) return id;
  return `${id.slice(0, MAX_ID_CHARACTERS - 65)}~${hash("sha256", id)}`;
}

function vectorOf(value: JsonValue | undefined, id: string, field: string): number[] | null {
  if (value === undefined || value === null) return null;
  const numbers = Array.isArray(value) ? value : [];
  const vector = numbers.filter((each) => typeof each === "number");
  if (vector.length === 0 || vector.length !== numbers.length) {
    throw invalid("VECTOR_INVALID", `"${field}" of the document "${id}" is no list of numbers.`);
  }
  return vector;
}

/** Fields of a kind that one can filter by; the others are what the document is, and not said about it. */
function metadataOf(row: JsonObject, settings: Config, id: string): JsonObject {
  const taken = new Set([settings.text, settings.vector, "title", "object_key"]);
  const entries = Object.entries(row).filter(([name, value]) =>
    settings.metadata === undefined
      ? !taken.has(name) && isShort(value)
      : settings.metadata.includes(name) && isFlat(value),
  );
  const metadata = Object.fromEntries(entries);
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes <= MAX_METADATA_BYTES) return metadata;
  throw invalid(
    "DOCUMENT_TOO_LARGE",
    `The metadata of the document "${id}" take ${bytes} bytes; at most ${MAX_METADATA_BYTES} are kept. Name the fields to keep in metadata.`,
  );
}

function isFlat(value: JsonValue): boolean {
  return Array.isArray(value)
    ? value.every((each) => typeof each !== "object")
    : typeof value !== "object" || value === null;
}

function isShort(value: JsonValue): boolean {
  return isFlat(value) && JSON.stringify(value).length <= 1_000;
}

function own(row: JsonObject, field: string): JsonValue | undefined {
  return Object.hasOwn(row, field) ? row[field] : undefined;
}

function toEmbedding(fields: NonNullable<Config["embedding"]>): QueryEmbedding {
  return {
    baseUrl: fields.base_url,
    model: fields.model,
    apiKeyEnv: fields.api_key_env ?? null,
    dimensions: fields.dimensions ?? null,
    queryPrefix: fields.prefix,
  };
}

function invalid(code: string, message: string): AdapterError {
  return new AdapterError(code, message, { retryable: false });
}

/** What of the index's errors another attempt may help. */
function toAdapterError(error: unknown): unknown {
  if (!(error instanceof MillraceError)) return error;
  const { code, message } = error;
  if (code === "VECTOR_INVALID" || code === "COLLECTION_MISMATCH") return invalid(code, message);
  return new AdapterError("SEARCH_UNAVAILABLE", message, { cause: error });
}
