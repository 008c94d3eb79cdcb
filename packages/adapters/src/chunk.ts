import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { cutToBudget } from "./markdown-budget.ts";
import { placesOf, sentencesOf, type TextPiece } from "./text-pieces.ts";
import { remembering, TOKENIZERS, tokenizer } from "./tokenizers.ts";

const config = z
  .strictObject({
    by: z.enum(["tokens", "sentences", "characters"]).default("tokens").describe("What a piece is measured in"),
    size: z.int().min(1).max(1_000_000).describe("The most of them in a piece"),
    overlap: z.int().min(0).default(0).describe("How many of them a piece repeats of the one before"),
    tokenizer: z
      .enum(TOKENIZERS)
      .default("o200k_base")
      .describe("The tokenizer that counts tokens, by its encoding: that of the model that reads the pieces"),
    locale: z
      .string()
      .refine(isLocale, "must be a language tag, as en or pt-BR")
      .default("en")
      .describe("The language by whose rules sentences end"),
    field: z.string().min(1).default("text").describe("The field with the text"),
    max_bytes: z
      .int()
      .min(1)
      .max(16 * 1024 * 1024)
      .default(2 * 1024 * 1024)
      .describe("The longest text that is cut, in bytes: it holds up everything else of the process meanwhile"),
  })
  .refine(({ overlap, size }) => overlap < size, { path: ["overlap"], message: "must be less than size" });

type Config = z.infer<typeof config>;

const EXAMPLE = `version: "1.0"
routes:
  cut: { adapters: [{ type: read_file }, { type: chunk, config: { by: tokens, size: 200, overlap: 20 } }, { type: log }] }
init_message: { route: cut, payload: { path: README.md } }
`;

/** Cuts a text into pieces of a size. */
export const chunk: Adapter<Config> = defineAdapter({
  type: "chunk",
  category: "content",
  description:
    "Cuts `text` into pieces of so many tokens, sentences or characters: one message each, with `text`, `index`, and where it stood as `start` and `end`.",
  config,
  example: EXAMPLE,
  async *process({ payload }, { config: settings }) {
    const text = Object.hasOwn(payload, settings.field) ? payload[settings.field] : undefined;
    if (typeof text !== "string") {
      throw new AdapterError("TEXT_MISSING", `The message has no text "${settings.field}".`, { retryable: false });
    }
    const bytes = Buffer.byteLength(text);
    if (bytes > settings.max_bytes) {
      throw new AdapterError("TEXT_TOO_LARGE", `The text has ${bytes} bytes; max_bytes is ${settings.max_bytes}.`, {
        retryable: false,
      });
    }
    let index = 0;
    for (const piece of await cut(text, settings)) {
      yield { ...payload, [settings.field]: piece.text, index, start: piece.start, end: piece.end };
      index += 1;
    }
  },
});

async function cut(text: string, { by, size, overlap, locale, ...settings }: Config): Promise<TextPiece[]> {
  if (text.trim() === "") return [];
  if (by === "sentences") return sentencesOf(text, size, overlap, locale);
  const measure =
    by === "characters" ? (part: string) => part.length : remembering(await tokenizer(settings.tokenizer));
  return placesOf(text, cutToBudget(text, size, overlap, measure));
}

function isLocale(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text).length === 1;
  } catch {
    return false;
  }
}
