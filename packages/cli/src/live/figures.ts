/** A rate per second, in few characters; `–` where it is not known. */
export function showRate(rate: number | null): string {
  if (rate === null) return "–";
  if (rate === 0) return "0/s";
  if (rate >= 9.95) return `${Math.round(rate)}/s`;
  if (rate >= 0.1) return `${rate.toFixed(1)}/s`;
  return `${(rate * 60).toFixed(1)}/min`;
}

/** A time in two units at most: `850 ms` is `0.9 s`, then `42 s`, `3 m 05 s`, `2 h 10 m`, `4 d 3 h`. */
export function showDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  return wholeUnits(Math.round(seconds));
}

/** A time that is guessed: without tenths. */
export function showEta(ms: number | null): string {
  if (ms === null) return "–";
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  return seconds < 60 ? `${seconds} s` : wholeUnits(seconds);
}

function wholeUnits(seconds: number): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (hours === 0) return `${minutes} m ${two(seconds % 60)} s`;
  if (hours < 48) return `${hours} h ${two(minutes % 60)} m`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
