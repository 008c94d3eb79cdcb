/** A document's place in one list of those that were found. */
export interface Ranked {
  readonly key: number;
  readonly rank: number;
  readonly score: number;
}

/** A document's place in both. */
export interface Fused {
  readonly key: number;
  readonly score: number;
  readonly keywordRank: number | null;
  readonly vectorRank: number | null;
}

/** The usual constant of reciprocal-rank fusion: how little the very first places count more than those after them. */
const K = 60;

/** Merges two lists by reciprocal-rank fusion: 1 / (60 + rank) of each list that has it, summed. */
export function fuse(keyword: readonly Ranked[], vector: readonly Ranked[]): Fused[] {
  const ranks = new Map<number, { keywordRank: number | null; vectorRank: number | null }>();
  for (const { key, rank } of keyword) ranks.set(key, { keywordRank: rank, vectorRank: null });
  for (const { key, rank } of vector)
    ranks.set(key, { keywordRank: ranks.get(key)?.keywordRank ?? null, vectorRank: rank });
  const part = (rank: number | null) => (rank === null ? 0 : 1 / (K + rank));
  return [...ranks]
    .map(([key, { keywordRank, vectorRank }]) => ({
      key,
      keywordRank,
      vectorRank,
      score: part(keywordRank) + part(vectorRank),
    }))
    .sort((a, b) => b.score - a.score || (a.keywordRank ?? Infinity) - (b.keywordRank ?? Infinity) || a.key - b.key);
}
