import { hash } from "node:crypto";
import {
  type Adapter,
  type AdapterContext,
  AdapterError,
  type ContentCache,
  defineAdapter,
  type Emit,
  routeField,
  routeTo,
} from "@millrace/engine";
import type { JsonObject, JsonValue } from "@millrace/protocol";
import { z } from "zod";
import type { AdapterEnvironment } from "./environment.ts";
import { embedTexts, vectorJson } from "./models/embed-texts.ts";
import { modelFields, price, priceField } from "./models/model-fields.ts";
import { type ModelServer, modelServer } from "./models/model-server.ts";
import { onlyInServiceThread } from "./service-thread.ts";

/** Longer texts are no model's; each is looked at as a whole. */
const MAX_TEXT_CHARACTERS = 1_000_000;

const config = z.strictObject({
  ...modelFields,
  field: z.string().min(1).default("text").describe("The field with the text"),
  prefix: z
    .string()
    .max(1_000)
    .default("")
    .describe("What is put before each text, where the model wants it, as `passage: `"),
  vector_field: z.string().min(1).default("vector").describe("The field that the vector is put into"),
  dimensions: z
    .int()
    .min(1)
    .max(65_536)
    .optional()
    .describe("Numbers of a vector: what the model is asked for, and what is checked; default: the model's own"),
  batch_size: z.int().min(1).max(2_048).default(64).describe("Messages that are embedded together"),
  batch_seconds: z
    .number()
    .gt(0)
    .max(3_600)
    .default(0.5)
    .describe("The longest that a message waits for others to be embedded with, in seconds"),
  max_request_characters: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(200_000)
    .describe("The most characters of a request's texts together; a batch with more is several requests"),
  broken_to: routeField()
    .optional()
    .describe("The route for messages without a text to embed; without it they fail, with the batch that they are in"),
  price_per_million_tokens: priceField({ input: price("Of tokens that are sent") }),
});

type Config = z.infer<typeof config>;

const EXAMPLE = `version: "1.0"
routes:
  cut: { adapters: [{ type: read_file }, { type: markdown_split }], outbound: [embed] }
  embed:
    adapters:
      - type: embed
        config: { base_url: "http://127.0.0.1:11434/v1", model: nomic-embed-text, batch_size: 32 }
    outbound: [keep]
  keep: { adapters: [{ type: index, config: { collection: docs, id: "\${path}#\${index}" } }] }
init_message: { route: cut, payload: { path: README.md } }
`;

/** Adds the vectors of texts. */
export function embed(environment: AdapterEnvironment): Adapter<Config, ModelServer> {
  return defineAdapter({
    type: "embed",
    category: "model",
    description:
      "Adds the vector that a model of an OpenAI-compatible server makes of `text`; gathers messages, and embeds them together.",
    config,
    example: EXAMPLE,
    references: ({ broken_to: route }) => (route === undefined ? {} : { routes: [{ route, path: ["broken_to"] }] }),
    prepare: (settings) => {
      onlyInServiceThread("embed");
      return modelServer(settings, environment);
    },
    gather: ({ batch_size: size, batch_seconds: seconds }) => ({ size, timeoutMs: seconds * 1000 }),
    async process({ payload }, context) {
      const { config: settings } = context;
      const items = itemsOf(payload);
      const texts = items.map((item) => textOf(item, settings));
      const known = texts.flatMap((text) => (text === null ? [] : [text]));
      if (known.length < texts.length && settings.broken_to === undefined) throw missing(items, texts, settings.field);
      const vectors = await vectorsOf([...new Set(known)], context);
      return items.map((item, place): Emit => {
        const text = texts[place] ?? null;
        const vector = text === null ? undefined : vectors.get(text);
        if (vector !== undefined) return { ...item, [settings.vector_field]: vectorJson(vector) };
        // A text that is there was embedded.
        return routeTo(settings.broken_to ?? "", item);
      });
    },
  });
}

/** The vector of each text: kept ones, and those that the model is asked for. */
async function vectorsOf(
  texts: readonly string[],
  context: AdapterContext<Config, ModelServer>,
): Promise<Map<string, Float32Array>> {
  const { config: settings, signal, trace } = context;
  const server = { ...context.prepared, trace };
  const cache = settings.cache ? context.cache : null;
  const dimensions = settings.dimensions ?? null;
  const keyOf = (text: string) =>
    hash("sha256", JSON.stringify(["embed 1", server.baseUrl, server.model, dimensions, text]));
  const vectors = cache === null ? new Map<string, Float32Array>() : await keptVectors(cache, texts, keyOf, dimensions);
  if (vectors.size > 0) context.countUsage({ cached: vectors.size });
  const asked = texts.filter((text) => !vectors.has(text));
  const requests = inRequests(asked, settings.max_request_characters);
  const send = async (request: readonly string[]) => {
    const { vectors: made, tokens } = await embedTexts(server, request, dimensions, signal);
    const cost = (tokens * (settings.price_per_million_tokens?.input ?? 0)) / 1_000_000;
    context.countUsage({ requests: 1, input_tokens: tokens, cost });
    const pairs = request.map((text, place): [string, Float32Array] => [text, made[place] ?? new Float32Array()]);
    for (const [text, vector] of pairs) vectors.set(text, vector);
    // Each as it comes: when another of the batch fails, these need not be paid for again.
    await cache?.put(pairs.map(([text, vector]) => ({ key: keyOf(text), value: bytesOf(vector) })));
  };
  const sent = await Promise.allSettled(requests.map(send));
  const failed = sent.find((each) => each.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  const sizes = new Set(Array.from(vectors.values(), ({ length }) => length));
  if (sizes.size > 1) {
    throw new AdapterError(
      "DIMENSIONS_MISMATCH",
      `"${server.model}" has given vectors of ${[...sizes].join(" and ")} dimensions: is it another model now? Set cache: false, or name it otherwise.`,
      { retryable: false },
    );
  }
  return vectors;
}

async function keptVectors(
  cache: ContentCache,
  texts: readonly string[],
  keyOf: (text: string) => string,
  dimensions: number | null,
): Promise<Map<string, Float32Array>> {
  const keys = texts.map(keyOf);
  const kept = await cache.get(keys);
  const vectors = new Map<string, Float32Array>();
  for (const [place, text] of texts.entries()) {
    const bytes = kept.get(keys[place] ?? "");
    if (bytes === undefined || bytes.byteLength === 0 || bytes.byteLength % 4 !== 0) continue;
    const vector = new Float32Array(new Uint8Array(bytes).buffer);
    if (dimensions === null || vector.length === dimensions) vectors.set(text, vector);
  }
  return vectors;
}

function bytesOf(vector: Float32Array): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
}

/** Texts that go together: as many as fit, one at least. */
function inRequests(texts: readonly string[], maxCharacters: number): string[][] {
  const requests: string[][] = [];
  let room = 0;
  for (const text of texts) {
    const last = requests.at(-1);
    if (last === undefined || text.length > room) {
      requests.push([text]);
      room = maxCharacters - text.length;
    } else {
      last.push(text);
      room -= text.length;
    }
  }
  return requests;
}

/** The engine makes a list of what it gathered. */
function itemsOf({ items }: JsonObject): JsonObject[] {
  const isItem = (item: JsonValue): item is JsonObject =>
    typeof item === "object" && item !== null && !Array.isArray(item);
  return Array.isArray(items) ? items.filter(isItem) : [];
}

/** Null where there is nothing that could be embedded. */
function textOf(item: JsonObject, { field, prefix }: Config): string | null {
  const text = Object.hasOwn(item, field) ? item[field] : undefined;
  if (typeof text !== "string" || text.trim() === "" || text.length > MAX_TEXT_CHARACTERS) return null;
  return `${prefix}${text}`;
}

function missing(items: readonly JsonObject[], texts: readonly (string | null)[], field: string): AdapterError {
  const place = texts.indexOf(null);
  const long = typeof items[place]?.[field] === "string" && String(items[place]?.[field]).trim() !== "";
  const why = long ? `has more than ${MAX_TEXT_CHARACTERS} characters in "${field}"` : `has no text in "${field}"`;
  return new AdapterError(
    "TEXT_MISSING",
    `Message ${place + 1} of a batch of ${items.length} ${why}. Name a route in broken_to for such ones, or filter them out before.`,
    { retryable: false },
  );
}
