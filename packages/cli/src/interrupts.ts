/**
 * Signals that come so close together, in milliseconds, are one: the launcher passes on a Ctrl-C that a terminal may
 * have sent to this process as well. No one presses twice so fast.
 */
const SAME_PRESS_MS = 300;

/** Calls `first` on the first of these signals, and `again` on each later press. */
export function onSignals(
  signals: readonly NodeJS.Signals[],
  first: (signal: NodeJS.Signals) => void,
  again: (signal: NodeJS.Signals) => void,
  now: () => number = () => performance.now(),
): void {
  let pressed: number | null = null;
  for (const signal of signals) {
    process.on(signal, () => {
      const before = pressed;
      const at = now();
      // Counted from when the press began, so that hammering the key gets through as well.
      if (before !== null && at - before <= SAME_PRESS_MS) return;
      pressed = at;
      if (before === null) first(signal);
      else again(signal);
    });
  }
}
