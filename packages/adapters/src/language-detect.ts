import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import { z } from "zod";

/** More of a text tells no more of its language. */
const LOOKED_AT_CHARACTERS = 20_000;

const config = z.strictObject({
  field: z.string().min(1).default("text").describe("The field with the text"),
  min_characters: z
    .int()
    .min(0)
    .max(10_000)
    .default(20)
    .describe("The least letters that a text must have, in characters: of shorter ones the language is null"),
  only_reliable: z
    .boolean()
    .default(true)
    .describe("Whether the language is null where it is little more than a guess"),
});

const EXAMPLE = `version: "1.0"
routes:
  texts: { adapters: [{ type: split, config: { field: texts } }, { type: language_detect, config: { field: value } }], outbound: [sort] }
  sort: { adapters: [{ type: switch, config: { cases: [{ when: 'language = "de"', to: german }], default: others } }] }
  german: { adapters: [{ type: log }] }
  others: { adapters: [{ type: log }] }
init_message: { route: texts, payload: { texts: [Wo ist bitte der nächste Bahnhof?, Where is the nearest station?] } }
`;

/** Says what language a text is in. */
export const languageDetect: Adapter<z.infer<typeof config>> = defineAdapter({
  type: "language_detect",
  category: "content",
  description:
    "Adds the `language` of `text`, one of 60, as ISO 639-1 has it (`en`), or null; and the `language_score` of it.",
  config,
  example: EXAMPLE,
  async process({ payload }, { config: { field, min_characters: least, only_reliable: onlyReliable } }) {
    const text = Object.hasOwn(payload, field) ? payload[field] : undefined;
    if (typeof text !== "string") {
      throw new AdapterError("TEXT_MISSING", `The message has no text "${field}".`, { retryable: false });
    }
    const part = text.slice(0, LOOKED_AT_CHARACTERS);
    const letters = part.match(/\p{L}/gu)?.length ?? 0;
    if (letters < least || letters === 0) return { ...payload, language: null, language_score: null };
    // Some megabytes, loaded with the first text.
    const { eld } = await import("eld/extrasmall");
    const found = eld.detect(part);
    const known = found.language !== "" && (found.isReliable() || !onlyReliable);
    if (!known) return { ...payload, language: null, language_score: null };
    const score = found.getScores()[found.language] ?? 0;
    return { ...payload, language: found.language, language_score: Math.round(score * 1000) / 1000 };
  },
});
