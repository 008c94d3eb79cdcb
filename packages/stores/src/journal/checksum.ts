import { crc32 } from "node:zlib";

/** A row whose bytes are not those that were written. */
export class ChecksumMismatch extends Error {
  override readonly name = "ChecksumMismatch";

  constructor(position: number) {
    super(`the journal's row at position ${position} is not what was written`);
  }
}

/**
 * The checksum of a row of the journal: of what it holds, and of where. A database may have none of its own (SQLite has
 * not, PostgreSQL only where it was asked for), and would hand out a page of which a half is missing, or is another's, as
 * if it were whole.
 */
export function checksumOf(last: number, content: Uint8Array | string): number {
  return crc32(content, last % 0x1_0000_0000);
}

/** @throws ChecksumMismatch. A row without one was written before there were any. */
export function verify(last: number, content: Uint8Array | string, checksum: unknown): void {
  if (checksum !== null && checksumOf(last, content) !== checksum) throw new ChecksumMismatch(last);
}
