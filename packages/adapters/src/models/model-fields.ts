import { z } from "zod";

/** Names of environment variables, as shells take them. */
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** What a request to a server may be given, as for other adapters. */
const MAX_TIMEOUT_SECONDS = 300;

/** The connections to one host that there are: more requests would wait for one while their time goes by. */
const MAX_IN_FLIGHT = 64;

/** The fields of a config that say which model is asked, and how. */
export const modelFields = {
  base_url: z
    .string()
    .default("https://api.openai.com/v1")
    .refine(isBaseUrl, "must be an http or https URL without a name, password, query or fragment")
    .describe(
      "Where an OpenAI-compatible server answers, up to what comes before `/embeddings` and `/chat/completions`; one in your own network has to be allowed by the setting `http_allow_hosts`",
    ),
  model: z.string().min(1).max(256).describe("The model's name, as the server knows it"),
  api_key_env: z
    .string()
    .regex(ENV_NAME, "must be the name of an environment variable")
    .optional()
    .describe(
      "The environment variable that holds the server's key, as `OPENAI_API_KEY`; without it none is sent. The key itself stands nowhere",
    ),
  api_key: z.string().min(1).optional().describe("The server's key, as `${secret:NAME}`, in place of `api_key_env`"),
  timeout_seconds: z
    .number()
    .gt(0)
    .max(MAX_TIMEOUT_SECONDS)
    .default(60)
    .describe("The longest that one request may take, in seconds"),
  max_tries: z
    .int()
    .min(1)
    .max(20)
    .default(5)
    .describe("How often a request is sent, at most: again after 408, 429 and 5xx, a time-out or a broken connection"),
  max_wait_seconds: z
    .number()
    .min(0)
    .max(3600)
    .default(60)
    .describe(
      "The longest `Retry-After` that is waited for here, in seconds; with a longer one the message fails, to be retried",
    ),
  max_in_flight: z
    .int()
    .min(1)
    .max(MAX_IN_FLIGHT)
    .default(8)
    .describe(
      "The most requests at once to the server, over all runs; fewer after it answered 429, until it keeps up again",
    ),
  max_bytes: z
    .int()
    .min(1024)
    .max(1024 * 1024 * 1024)
    .default(64 * 1024 * 1024)
    .describe("The largest answer that is read, in bytes"),
  cache: z
    .boolean()
    .default(true)
    .describe("Whether an answer is kept, and given again to whoever asks the same, also in other runs"),
};

/** The prices of a model, by which costs are counted. */
export function priceField<Shape extends Record<string, z.ZodDefault<z.ZodNumber>>>(shape: Shape) {
  return z
    .strictObject(shape)
    .optional()
    .describe("What a million tokens cost, in any currency; the run's statistics add it up");
}

/** One price. */
export function price(what: string) {
  return z.number().min(0).max(1_000_000).default(0).describe(what);
}

/** @see modelFields */
export type ModelFields = z.infer<z.ZodObject<typeof modelFields>>;

function isBaseUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null && /^https?:$/.test(url.protocol) && `${url.username}${url.password}${url.search}${url.hash}` === ""
  );
}
