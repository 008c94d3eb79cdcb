import type { ConfigRecord } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";

/** A config cannot be made of a file as another one was, meanwhile. */
export function fileLoaded({ sourcePath }: ConfigRecord, otherId: string): MillraceError {
  return new MillraceError("CONFIG_CHANGED", `The file ${sourcePath} was loaded as config ${otherId} meanwhile.`);
}

/** A version of a config cannot be stored as there is one of that number, or a later one. */
export function versionStored({ name, version }: ConfigRecord): MillraceError {
  return new MillraceError(
    "CONFIG_CHANGED",
    `The config "${name}" has a version ${version} already: somebody else has stored it meanwhile. Read it anew, and make your change to it.`,
  );
}
