import { hash } from "node:crypto";

/** A text that was seen, as far as it is remembered. */
interface Seen {
  readonly owner: string;
  readonly signature: Uint32Array;
  readonly bands: readonly number[];
}

/** Words in a row that are compared as one: enough that two texts do not share many by chance. */
const SHINGLE_WORDS = 3;

/** Numbers of a signature. The similarity is told to within about 1 / √128, 9 %. */
const SIGNATURE = 128;

/** More words of a text are not looked at. */
const MAX_WORDS = 100_000;

/**
 * Remembers texts by their MinHash signatures, and finds one that is like another: signatures are cut into bands, texts
 * that share a band are compared, and their share of equal numbers is about the Jaccard similarity of their shingles.
 *
 * The bands are chosen for the threshold: two texts just as alike as that share one with a probability of about a half,
 * those more alike nearly always.
 */
export class NearDuplicates {
  readonly #threshold: number;
  readonly #rows: number;
  readonly #seen = new Map<string, Seen>();
  /** By band and what is in it: the keys of texts that share it, the oldest first. */
  readonly #buckets = new Map<number, string[]>();

  /** `threshold`: how alike two texts are that count as the same, above 0, up to 1. */
  constructor(threshold: number) {
    this.#threshold = threshold;
    this.#rows = rowsFor(threshold);
  }

  /** Texts that are remembered. */
  get size(): number {
    return this.#seen.size;
  }

  /** The one that a text of this signature is like, by the name that it was added with; null where there is none. */
  find(signature: Uint32Array): { readonly owner: string; readonly similarity: number } | null {
    let best: { owner: string; similarity: number } | null = null;
    const compared = new Set<string>();
    for (const band of this.#bandsOf(signature)) {
      for (const key of this.#buckets.get(band) ?? []) {
        if (compared.has(key)) continue;
        compared.add(key);
        const seen = this.#seen.get(key);
        if (seen === undefined) continue;
        const similarity = similarityOf(signature, seen.signature);
        if (similarity >= this.#threshold && similarity > (best?.similarity ?? 0))
          best = { owner: seen.owner, similarity };
      }
    }
    return best;
  }

  /** Remembers a text by a name. */
  add(owner: string, signature: Uint32Array): void {
    const bands = this.#bandsOf(signature);
    this.#seen.set(owner, { owner, signature, bands });
    for (const band of bands) {
      const bucket = this.#buckets.get(band);
      if (bucket === undefined) this.#buckets.set(band, [owner]);
      else bucket.push(owner);
    }
  }

  /** Forgets the text of a name. */
  forget(owner: string): void {
    const seen = this.#seen.get(owner);
    if (seen === undefined) return;
    this.#seen.delete(owner);
    for (const band of seen.bands) {
      const left = (this.#buckets.get(band) ?? []).filter((each) => each !== owner);
      if (left.length === 0) this.#buckets.delete(band);
      else this.#buckets.set(band, left);
    }
  }

  #bandsOf(signature: Uint32Array): number[] {
    const bands: number[] = [];
    for (let from = 0; from + this.#rows <= SIGNATURE; from += this.#rows) {
      let number = from + 1;
      // 2^32 buckets times the band: two that meet by chance are compared, and found to be unlike.
      for (let at = from; at < from + this.#rows; at += 1) number = mix(number ^ (signature[at] ?? 0));
      bands.push((from / this.#rows) * 0x1_0000_0000 + number);
    }
    return bands;
  }
}

/** Words in lower case, punctuation and space left out, in rows of three; of a text with fewer, what there is. */
function shinglesOf(text: string): Set<number> {
  const words =
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  if (words.length > MAX_WORDS) words.length = MAX_WORDS;
  const shingles = new Set<number>();
  const rows = words.length === 0 ? 0 : Math.max(1, words.length - SHINGLE_WORDS + 1);
  for (let at = 0; at < rows; at += 1) shingles.add(numberOf(words.slice(at, at + SHINGLE_WORDS).join(" ")));
  return shingles;
}

/** What a text is compared by; null where it has no words, and is like no other. */
export function signatureOf(text: string): Uint32Array | null {
  const shingles = shinglesOf(text);
  if (shingles.size === 0) return null;
  const signature = new Uint32Array(SIGNATURE).fill(0xffffffff);
  for (const shingle of shingles) {
    for (let at = 0; at < SIGNATURE; at += 1) {
      const value = mix(shingle ^ (SEEDS[at] ?? 0));
      if (value < (signature[at] ?? 0)) signature[at] = value;
    }
  }
  return signature;
}

function similarityOf(a: Uint32Array, b: Uint32Array): number {
  let equal = 0;
  for (let at = 0; at < SIGNATURE; at += 1) if (a[at] === b[at]) equal += 1;
  return equal / SIGNATURE;
}

/** Rows of a band for which (1 / bands) ^ (1 / rows) is at or just below the threshold. */
function rowsFor(threshold: number): number {
  for (let rows = 16; rows > 1; rows -= 1) {
    const bands = Math.floor(SIGNATURE / rows);
    if ((1 / bands) ** (1 / rows) <= threshold - 0.1) return rows;
  }
  return 1;
}

/** FNV-1a, then mixed: 32 bits. */
function numberOf(text: string): number {
  let number = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) number = Math.imul(number ^ text.charCodeAt(at), 0x01000193);
  return mix(number);
}

/** Spreads 32 bits evenly (the end of MurmurHash3). */
function mix(value: number): number {
  let number = value;
  number = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  number = Math.imul(number ^ (number >>> 13), 0xc2b2ae35);
  return (number ^ (number >>> 16)) >>> 0;
}

/** The same in every process. */
const SEEDS = Uint32Array.from({ length: SIGNATURE }, (_, at) =>
  Number.parseInt(hash("sha256", `minhash ${at}`).slice(0, 8), 16),
);
