import { hash } from "node:crypto";

/**
 * The id of an emitted message: a UUID (RFC 9562, version 8) that begins as its parent's does, 48 bits, and goes on with
 * the SHA-1 of its parent, the place of the output that it is in its parent's chain, and the route that it goes to. A
 * step that is redone gives its messages the same ids; and as all of an execution's ids begin alike, an id alone leads
 * to its execution (docs/decisions/0016).
 */
export function emittedMessageId(parentId: string, output: number, route: string): string {
  const hex = hash("sha1", nameIn(parentId, `${output}/${route}`), "hex");
  const variant = VARIANTS[Number.parseInt(hex.charAt(16), 16)];
  return `${parentId.slice(0, ID_PREFIX)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Characters that all ids of an execution begin with: eight digits, a hyphen, four digits. */
export const ID_PREFIX = 13;

/** The first digit of the fourth group: two bits of it are fixed. */
const VARIANTS = "89ab89ab89ab89ab";

const UUID_BYTES = 16;

/** Parent after parent is the same while a message emits: its bytes are kept. */
let lastParent = "";
let scratch = Buffer.alloc(128);

/** The bytes that the id is the hash of: the parent's, then the name's. */
function nameIn(parentId: string, name: string): Buffer {
  const most = UUID_BYTES + name.length * 3;
  if (scratch.length < most) {
    scratch = Buffer.alloc(most);
    lastParent = "";
  }
  if (parentId !== lastParent) {
    scratch.write(parentId.replaceAll("-", ""), 0, UUID_BYTES, "hex");
    lastParent = parentId;
  }
  return scratch.subarray(0, UUID_BYTES + scratch.write(name, UUID_BYTES, "utf8"));
}
