import { hash } from "node:crypto";
import {
  type Adapter,
  type AdapterContext,
  AdapterError,
  compileTemplate,
  defineAdapter,
  type Template,
  templateField,
} from "@millrace/engine";
import { type JsonObject, type JsonValue, jsonObjectSchema } from "@millrace/protocol";
import { z } from "zod";
import type { AdapterEnvironment } from "./environment.ts";
import { askModel } from "./models/ask-model.ts";
import { modelFields, price, priceField } from "./models/model-fields.ts";
import { type ModelServer, modelServer } from "./models/model-server.ts";
import { jsonOf, type OutputCheck, outputCheck } from "./models/output-schema.ts";
import { onlyInServiceThread } from "./service-thread.ts";
import { templateInput } from "./template-input.ts";

const config = z.strictObject({
  ...modelFields,
  prompt: templateField().min(1).describe("What the model is asked, with `${…}` over the message"),
  system: templateField().min(1).optional().describe("What it is told beforehand, with `${…}` over the message"),
  schema: jsonObjectSchema
    .optional()
    .describe("A JSON Schema (2020-12): the answer has to be JSON that fits it; once, the model is asked to mend it"),
  response_format: z
    .enum(["json_schema", "json_object", "none"])
    .default("json_schema")
    .describe(
      "How the server is told that the answer is JSON, where there is a `schema`: with the schema, that it is JSON, or not at all; the answer is checked in any case",
    ),
  field: z
    .string()
    .min(1)
    .default("completion")
    .describe("The field that the answer is put into: a text, or with `schema` what the JSON says"),
  max_tokens: z.int().min(1).max(1_000_000).default(1024).describe("The most tokens of an answer"),
  temperature: z.number().min(0).max(2).default(0).describe("How much answers to the same may differ, from 0 to 2"),
  max_prompt_characters: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(400_000)
    .describe("The longest prompt, in characters, with what the model is told beforehand"),
  options: jsonObjectSchema
    .default({})
    .describe("More fields of the request, as the server knows them; one that is null takes a field out"),
  price_per_million_tokens: priceField({
    input: price("Of tokens that are sent"),
    output: price("Of tokens that the model makes"),
  }),
});

type Config = z.infer<typeof config>;

interface Prepared {
  readonly server: ModelServer;
  readonly prompt: Template;
  readonly system: Template | null;
  readonly check: OutputCheck | null;
}

interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

const answerSchema = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: z.int().min(0).optional(), completion_tokens: z.int().min(0).optional() }).nullish(),
});

const EXAMPLE = `version: "1.0"
routes:
  label:
    adapters:
      - type: complete
        config:
          base_url: "http://127.0.0.1:11434/v1"
          model: llama3.2
          system: You sort messages of customers.
          prompt: "Which kind is this message, and how urgent from 1 to 5?\\n\\n\${text}"
          schema:
            type: object
            properties: { kind: { enum: [question, complaint, praise] }, urgency: { type: integer, minimum: 1, maximum: 5 } }
            required: [kind, urgency]
            additionalProperties: false
          field: label
      - type: log
init_message: { route: label, payload: { text: "Where is my order?" } }
`;

/** Asks a model. */
export function complete(environment: AdapterEnvironment): Adapter<Config, Prepared> {
  return defineAdapter({
    type: "complete",
    category: "model",
    description:
      "Asks a model of an OpenAI-compatible server what `prompt` says; adds `completion`, a text, or JSON that is checked against a schema.",
    config,
    example: EXAMPLE,
    prepare: (settings) => {
      onlyInServiceThread("complete");
      return {
        server: modelServer(settings, environment),
        prompt: compileTemplate(settings.prompt),
        system: settings.system === undefined ? null : compileTemplate(settings.system),
        check: settings.schema === undefined ? null : outputCheck(settings.schema),
      };
    },
    async process(message, context) {
      const { config: settings, prepared } = context;
      const input = templateInput(message);
      const system = await prepared.system?.render(input);
      const prompt = await prepared.prompt.render(input);
      const length = prompt.length + (system?.length ?? 0);
      if (length > settings.max_prompt_characters) {
        throw new AdapterError(
          "PROMPT_TOO_LARGE",
          `The prompt has ${length} characters; max_prompt_characters is ${settings.max_prompt_characters}.`,
          { retryable: false },
        );
      }
      const messages: ChatMessage[] = [
        ...(system === undefined ? [] : [{ role: "system" as const, content: system }]),
        { role: "user", content: prompt },
      ];
      const body = requestOf(settings, messages);
      const cache = settings.cache ? context.cache : null;
      const key = hash(
        "sha256",
        JSON.stringify(["complete 1", prepared.server.baseUrl, body, settings.schema ?? null]),
      );
      const kept = keptAnswer((await cache?.get([key]))?.get(key), prepared.check);
      if (kept !== undefined) {
        context.countUsage({ cached: 1 });
        return { ...message.payload, [settings.field]: kept };
      }
      const answer = await answerOf(messages, context);
      await cache?.put([{ key, value: Buffer.from(JSON.stringify(answer)) }]);
      return { ...message.payload, [settings.field]: answer };
    },
  });
}

/** What the model answers: a text, or JSON that fits the schema, which it is asked once to mend where it does not. */
async function answerOf(
  messages: readonly ChatMessage[],
  context: AdapterContext<Config, Prepared>,
): Promise<JsonValue> {
  const { config: settings, prepared } = context;
  const { check } = prepared;
  const text = await ask(requestOf(settings, messages), context);
  if (check === null) return text;
  const first = checked(text, check);
  if ("value" in first) return first.value;
  const repair = [
    ...messages,
    { role: "assistant" as const, content: text },
    {
      role: "user" as const,
      content: `That does not fit: ${first.problem}. Answer again, with JSON alone that fits this JSON Schema:\n${JSON.stringify(settings.schema)}`,
    },
  ];
  const second = checked(await ask(requestOf(settings, repair), context), check);
  if ("value" in second) return second.value;
  throw new AdapterError(
    "OUTPUT_INVALID",
    `What "${prepared.server.model}" answered does not fit the schema, and neither does what it made of it: ${second.problem}.`,
  );
}

function checked(text: string, check: OutputCheck): { readonly value: JsonValue } | { readonly problem: string } {
  const value = jsonOf(text);
  if (value === undefined) return { problem: "it is no JSON" };
  const problem = check(value);
  return problem === null ? { value } : { problem };
}

async function ask(body: JsonObject, context: AdapterContext<Config, Prepared>): Promise<string> {
  const { config: settings, prepared, signal } = context;
  const { server } = prepared;
  const { data, error } = answerSchema.safeParse(
    await askModel({ ...server, trace: context.trace }, "/chat/completions", body, signal),
  );
  const choice = data?.choices[0];
  if (data === undefined || choice === undefined) {
    const [issue] = error?.issues ?? [];
    throw new AdapterError(
      "MODEL_ANSWER_INVALID",
      `What ${server.baseUrl} answers is no completion: ${issue?.path.join(".")}: ${issue?.message}.`,
    );
  }
  const { input = 0, output = 0 } = settings.price_per_million_tokens ?? {};
  const sent = data.usage?.prompt_tokens ?? 0;
  const made = data.usage?.completion_tokens ?? 0;
  context.countUsage({
    requests: 1,
    input_tokens: sent,
    output_tokens: made,
    cost: (sent * input + made * output) / 1_000_000,
  });
  const { message, finish_reason: reason } = choice;
  if (reason === "content_filter" || (message.refusal ?? "") !== "") {
    throw new AdapterError("COMPLETION_REFUSED", `"${server.model}" has refused to answer.`, { retryable: false });
  }
  if (reason === "length") {
    throw new AdapterError(
      "COMPLETION_CUT",
      `The answer of "${server.model}" was cut at ${settings.max_tokens} tokens (max_tokens). Raise it, or ask for less.`,
      { retryable: false },
    );
  }
  return message.content ?? "";
}

function requestOf(settings: Config, messages: readonly ChatMessage[]): JsonObject {
  const format = settings.schema === undefined ? "none" : settings.response_format;
  const body: JsonObject = {
    model: settings.model,
    messages: messages.map((each) => ({ ...each })),
    max_tokens: settings.max_tokens,
    temperature: settings.temperature,
    ...(format === "json_object" ? { response_format: { type: "json_object" } } : {}),
    ...(format === "json_schema"
      ? { response_format: { type: "json_schema", json_schema: { name: "answer", schema: settings.schema ?? {} } } }
      : {}),
    ...settings.options,
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

/** What was kept may be of a schema's check that is another by now, or damaged. */
function keptAnswer(bytes: Uint8Array | undefined, check: OutputCheck | null): JsonValue | undefined {
  if (bytes === undefined) return undefined;
  const value = jsonOf(Buffer.from(bytes).toString());
  if (value === undefined) return undefined;
  if (check === null) return typeof value === "string" ? value : undefined;
  return check(value) === null ? value : undefined;
}
