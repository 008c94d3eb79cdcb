import { AdapterError } from "@millrace/engine";

/** A file's name is 255 bytes at most, of which the metadata's ending needs five. */
const MAX_PART_BYTES = 250;

/** Under the 4096 bytes of a path on Linux, with room for the folder that all lies in. */
const MAX_KEY_BYTES = 2048;

/** Whether an object can have this key. */
export function isKey(key: string): boolean {
  return (
    // Half a surrogate pair would become another character on the disk, and the key another key.
    key.isWellFormed() &&
    Buffer.byteLength(key) <= MAX_KEY_BYTES &&
    key
      .split("/")
      .every(
        (part) =>
          part !== "" &&
          part !== "." &&
          part !== ".." &&
          Buffer.byteLength(part) <= MAX_PART_BYTES &&
          !/[\p{Cc}\\]/u.test(part),
      )
  );
}

/** @throws AdapterError OBJECT_KEY_INVALID, not retryable */
export function checkKey(key: string): void {
  if (isKey(key)) return;
  throw new AdapterError("OBJECT_KEY_INVALID", `${JSON.stringify(key.slice(0, 200))} is no key of an object.`, {
    retryable: false,
  });
}

/** Where the metadata of an object is: folders and files have endings of their own, so that no two can collide. */
export function metadataPath(key: string): string {
  const slash = key.lastIndexOf("/");
  return slash < 0 ? `${key}.json` : `${metadataFolder(key.slice(0, slash))}/${key.slice(slash + 1)}.json`;
}

/** Where the metadata of all objects in a folder is. */
export function metadataFolder(folder: string): string {
  return folder
    .split("/")
    .map((part) => `${part}.d`)
    .join("/");
}
