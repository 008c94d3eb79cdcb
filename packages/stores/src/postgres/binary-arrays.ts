/**
 * Arrays as PostgreSQL reads them in its binary format: payloads and frames go over the wire as they are, where the text
 * format would have every quote of their JSON escaped, by this process.
 */

/** Object ids of types, which never change. */
const INT8 = 20;
const TEXT = 25;

/** Dimensions, flags, type; then length and lower bound of the one dimension. */
const HEADER = 20;

/** For a parameter of type `text[]`. */
export function textArray(values: readonly (string | Uint8Array | null)[]): Buffer {
  const sizes = values.map((value) =>
    value === null ? 0 : typeof value === "string" ? Buffer.byteLength(value) : value.length,
  );
  const buffer = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + size, HEADER + 4 * values.length));
  let at = writeHeader(buffer, TEXT, values.length);
  for (const [index, value] of values.entries()) {
    const size = sizes[index] ?? 0;
    at = buffer.writeInt32BE(value === null ? -1 : size, at);
    if (value === null) continue;
    if (typeof value === "string") buffer.write(value, at, "utf8");
    else buffer.set(value, at);
    at += size;
  }
  return buffer;
}

/** For a parameter of type `bigint[]`. Whole numbers alone. */
export function bigintArray(values: readonly number[]): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + 12 * values.length);
  let at = writeHeader(buffer, INT8, values.length);
  for (const value of values) {
    at = buffer.writeInt32BE(8, at);
    at = buffer.writeBigInt64BE(BigInt(value), at);
  }
  return buffer;
}

function writeHeader(buffer: Buffer, type: number, length: number): number {
  let at = buffer.writeInt32BE(1, 0);
  // Whether there may be nulls: said so in any case, which is allowed.
  at = buffer.writeInt32BE(1, at);
  at = buffer.writeInt32BE(type, at);
  at = buffer.writeInt32BE(length, at);
  return buffer.writeInt32BE(1, at);
}
