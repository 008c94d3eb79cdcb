import { MillraceError } from "@millrace/protocol";

/** What whoever names a collection that is not there is told. */
export function noSuchCollection(name: string): MillraceError {
  return new MillraceError("COLLECTION_NOT_FOUND", `There is no collection "${name.slice(0, 128)}".`);
}
