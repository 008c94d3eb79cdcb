/** Pauses before the second and each further attempt, in seconds: a day in all. */
const PAUSES_S = [5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800];

/** Attempts before a delivery is given up. */
export const MAX_ATTEMPTS = PAUSES_S.length + 1;

/**
 * Milliseconds to the next attempt after `attempts`, a tenth more or less by chance, so that what failed together does not
 * come back together; null: no further one. A receiver that asks for a longer pause gets it, up to the longest of all.
 */
export function pauseAfter(
  attempts: number,
  retryAfterSeconds: number | null,
  random: () => number = Math.random,
): number | null {
  const pause = PAUSES_S[attempts - 1];
  if (pause === undefined) return null;
  const asked = Math.min(retryAfterSeconds ?? 0, Math.max(...PAUSES_S));
  return Math.round(Math.max(pause * (0.9 + 0.2 * random()), asked) * 1000);
}
