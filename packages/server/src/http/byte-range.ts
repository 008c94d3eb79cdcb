/** Bytes of an object, both ends counted in. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const RANGES = /^bytes=(.*)$/i;
const RANGE = /^(?:(\d+)-(\d*)|-(\d+))$/;

/** A header with more ranges than that is no client's, and not looked at. */
const MAX_RANGES = 100;

/**
 * What a `Range` header asks for (RFC 9110, section 14): one range, or `unsatisfiable` where none of its ranges has a
 * byte of the object. Null where the header is to be ignored: it is of another unit, malformed, or asks for several
 * ranges, which may be answered with the whole.
 */
export function parseRange(header: string, size: number): ByteRange | "unsatisfiable" | null {
  const [, set] = RANGES.exec(header) ?? [];
  const specs = set?.split(",", MAX_RANGES + 1).map((spec) => spec.trim()) ?? [];
  // The grammar of lists allows empty members, as in `bytes=,0-5`.
  const ranges = specs.filter((spec) => spec !== "").map((spec) => RANGE.exec(spec));
  if (ranges.length === 0 || ranges.length > MAX_RANGES) return null;
  const found: ByteRange[] = [];
  for (const range of ranges) {
    const [, first, last, suffix] = range ?? [];
    if (suffix !== undefined) {
      const length = Number(suffix);
      if (length > 0 && size > 0) found.push({ start: Math.max(0, size - length), end: size - 1 });
      continue;
    }
    if (first === undefined) return null;
    const start = Number(first);
    const end = last === undefined || last === "" ? Number.POSITIVE_INFINITY : Number(last);
    // Malformed, not unsatisfiable.
    if (end < start) return null;
    if (start < size) found.push({ start, end: Math.min(end, size - 1) });
  }
  const [only] = found;
  if (only === undefined) return "unsatisfiable";
  return found.length === 1 && ranges.length === 1 ? only : null;
}
