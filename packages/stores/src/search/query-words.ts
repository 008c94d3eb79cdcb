/** What a text that is searched for asks of a document. */
export interface QueryWords {
  /** Words and phrases that are looked for; those that end in `*` are the beginnings of words. */
  readonly terms: readonly QueryTerm[];
  /** What must not be there. */
  readonly excluded: readonly QueryTerm[];
}

/** A word, or several in a row. */
export interface QueryTerm {
  readonly text: string;
  /** Whether its last word may go on. */
  readonly prefix: boolean;
}

/** More words than anybody types: each costs a look into the index. */
const MAX_TERMS = 64;

/** `-` before a term, a phrase in quotes or a word, `*` at its end. */
const TERM = /(-?)(?:"([^"]*)"?|(\S+))(\*?)/gu;

/**
 * Reads what somebody has typed: words, `"phrases"`, `-words` and `begin*`. Nothing in it is an error: what has no letter
 * or digit is left out.
 */
export function readQueryWords(text: string): QueryWords {
  const terms: QueryTerm[] = [];
  const excluded: QueryTerm[] = [];
  // No database takes it in a text, and it is part of no word.
  for (const [, minus, phrase, word = "", star] of text.replaceAll("\0", " ").matchAll(TERM)) {
    if (terms.length + excluded.length >= MAX_TERMS) break;
    const whole = phrase ?? word;
    const bare = whole.replace(/\*+$/, "");
    if (!/[\p{L}\p{N}]/u.test(bare)) continue;
    const prefix = star === "*" || bare !== whole;
    (minus === "-" ? excluded : terms).push({ text: bare, prefix });
  }
  return { terms, excluded };
}
