/** How much of what is wanted is there, and how much of what is there is wanted: from 0 to 1. */
export interface Score {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Compares two collections; each item counts as often as it is there. */
export function scoreItems(wanted: readonly string[], found: readonly string[]): Score {
  if (wanted.length === 0 && found.length === 0) return { precision: 1, recall: 1, f1: 1 };
  const left = new Map<string, number>();
  for (const item of wanted) left.set(item, (left.get(item) ?? 0) + 1);
  let common = 0;
  for (const item of found) {
    const count = left.get(item) ?? 0;
    if (count === 0) continue;
    left.set(item, count - 1);
    common += 1;
  }
  const precision = found.length === 0 ? 0 : common / found.length;
  const recall = wanted.length === 0 ? 1 : common / wanted.length;
  return { precision, recall, f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}

/** The words of a text. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Words with the three before them, so that their order counts. */
export function runsOf(text: string): string[] {
  const words = wordsOf(text);
  return words.map((_, index) => words.slice(Math.max(0, index - 3), index + 1).join(" "));
}

/** The mean of some numbers. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** As a percentage. */
export function percent(value: number): string {
  return (100 * value).toFixed(1);
}
