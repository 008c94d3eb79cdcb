const WHOLE = new Intl.NumberFormat();
const COST = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const SHORT = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });

/** A count, with the reader's separators. */
export function formatCount(count: number): string {
  return WHOLE.format(count);
}

/** A count in a narrow place: 1.2M. */
export function formatShort(count: number): string {
  return count < 10_000 ? WHOLE.format(count) : SHORT.format(count);
}

/** Money in a currency that is not known: to the cent where it is much, to three digits where it is little. */
export function formatCost(cost: number): string {
  if (cost === 0) return "0";
  return cost >= 1 ? COST.format(cost) : String(Number(cost.toPrecision(3)));
}

/** Messages per second. */
export function formatRate(rate: number): string {
  return `${rate > 0 && rate < 10 ? rate.toFixed(1) : formatShort(Math.round(rate))}/s`;
}

/** Bytes, in units of 1,024. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let size = bytes / 1024;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${size.toFixed(size < 10 ? 1 : 0)} ${units[unit]}`;
}
