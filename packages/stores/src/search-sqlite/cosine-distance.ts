import type { SQLInputValue } from "node:sqlite";

/** A vector as it is kept: 32-bit floats, little-endian. */
export function toBlob(vector: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(vector.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of vector.entries()) view.setFloat32(index * 4, value, true);
  return bytes;
}

/** 1 less the cosine of the angle between two vectors of {@link toBlob}: what sqlite-vec's `vec_distance_cosine` gives. */
export function cosineDistance(a: SQLInputValue, b: SQLInputValue): number | null {
  if (!(a instanceof Uint8Array) || !(b instanceof Uint8Array) || a.byteLength !== b.byteLength) return null;
  const left = new DataView(a.buffer, a.byteOffset, a.byteLength);
  const right = new DataView(b.buffer, b.byteOffset, b.byteLength);
  let dot = 0;
  let ofA = 0;
  let ofB = 0;
  for (let at = 0; at < a.byteLength; at += 4) {
    const x = left.getFloat32(at, true);
    const y = right.getFloat32(at, true);
    dot += x * y;
    ofA += x * x;
    ofB += y * y;
  }
  return 1 - dot / Math.sqrt(ofA * ofB);
}
