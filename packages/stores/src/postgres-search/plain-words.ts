import type { QueryTerm, QueryWords } from "../search/query-words.ts";

/** What PostgreSQL keeps of a text's words is at most 1 MiB; so much of a text is taken for it, in bytes. */
const MAX_WORDS_BYTES = 500_000;

/** Words longer than this are not kept. */
const MAX_WORD_BYTES = 1_000;

/** A text's words in lower case, without accents, a space between two: what is left is a word to any parser. */
export function plainWords(text: string): string {
  const words = wordsOf(text).filter((word) => Buffer.byteLength(word) <= MAX_WORD_BYTES);
  let plain = words.join(" ");
  while (Buffer.byteLength(plain) > MAX_WORDS_BYTES) plain = plain.slice(0, Math.floor(plain.length * 0.8));
  return plain;
}

/** What is searched for as `to_tsquery` reads it; null where nothing is. Words are of letters and digits alone. */
export function queryExpression({ terms, excluded }: QueryWords, every: boolean): string | null {
  const wanted = terms.flatMap((term) => phraseOf(term) ?? []);
  if (wanted.length === 0) return null;
  const unwanted = excluded.flatMap((term) => phraseOf(term) ?? []);
  const joined = wanted.join(every ? " & " : " | ");
  return unwanted.length === 0 ? joined : `(${joined}) & !(${unwanted.join(" | ")})`;
}

function phraseOf({ text, prefix }: QueryTerm): string | null {
  const words = wordsOf(text);
  if (words.length === 0) return null;
  return `(${words.map((word, at) => `'${word}'${prefix && at === words.length - 1 ? ":*" : ""}`).join(" <-> ")})`;
}

function wordsOf(text: string): string[] {
  return (
    text
      .normalize("NFKD")
      .replace(/\p{M}/gu, "")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}
