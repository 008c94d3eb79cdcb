import type { SearchDocument } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";

/**
 * The dimensions of the vectors of documents that are put into a collection together; null where none has any.
 * @throws MillraceError VECTOR_INVALID
 */
export function dimensionsOf(
  collection: string,
  known: number | null,
  documents: readonly Pick<SearchDocument, "id" | "vector">[],
): number | null {
  let dimensions = known;
  for (const { id, vector } of documents) {
    if (vector === null) continue;
    dimensions ??= vector.length;
    checkVector(vector, `The document "${id.slice(0, 200)}" has a vector`);
    if (vector.length !== dimensions) {
      throw new MillraceError(
        "VECTOR_INVALID",
        `The document "${id.slice(0, 200)}" has a vector of ${vector.length} dimensions; those of the collection "${collection}" have ${dimensions}. Use the model that it was filled with, or another collection.`,
      );
    }
  }
  return dimensions;
}

/**
 * Sees that a vector can be compared.
 * @throws MillraceError VECTOR_INVALID
 */
export function checkVector(vector: readonly number[], what: string): void {
  const finite = vector.every((value) => Number.isFinite(Math.fround(value)));
  if (finite && vector.some((value) => Math.fround(value) !== 0)) return;
  const why = finite ? "without a direction: all of its numbers are 0" : "with a number that is none, or too great";
  throw new MillraceError("VECTOR_INVALID", `${what} ${why}.`);
}
