/** The tokenizers that texts can be measured with, by the names of their encodings. */
export const TOKENIZERS = ["o200k_base", "cl100k_base", "p50k_base", "r50k_base"] as const;

/** @see TOKENIZERS */
export type TokenizerName = (typeof TOKENIZERS)[number];

/** Counts the tokens of a text. */
export type CountTokens = (text: string) => number;

/** The tokenizer takes time that grows with the square of such a run, so that it gets it in parts. */
const LONG_RUN = /(\S{2000}|\s{2000})/u;

/** What the tokenizer takes for its own signals, as `<|endoftext|>`, is text in a document. */
const AS_TEXT = { disallowedSpecial: new Set<string>() };

/** Each is some megabytes, and loaded when it is first needed. */
const LOADERS = {
  o200k_base: () => import("gpt-tokenizer/encoding/o200k_base"),
  cl100k_base: () => import("gpt-tokenizer/encoding/cl100k_base"),
  p50k_base: () => import("gpt-tokenizer/encoding/p50k_base"),
  r50k_base: () => import("gpt-tokenizer/encoding/r50k_base"),
} as const satisfies Record<TokenizerName, () => Promise<{ countTokens: (text: string, options: object) => number }>>;

/** A tokenizer by its name. */
export async function tokenizer(name: TokenizerName): Promise<CountTokens> {
  const { countTokens } = await LOADERS[name]();
  return (text) => {
    if (text.length < 2_000) return countTokens(text, AS_TEXT);
    return text.split(LONG_RUN).reduce((tokens, part) => tokens + countTokens(part, AS_TEXT), 0);
  };
}

/** A measure that counts each text once: cutting measures the same ones again and again, and that is most of its work. */
export function remembering(measure: CountTokens): CountTokens {
  const known = new Map<string, number>();
  return (text) => {
    let size = known.get(text);
    if (size === undefined) {
      size = measure(text);
      known.set(text, size);
    }
    return size;
  };
}
