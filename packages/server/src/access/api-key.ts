import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** What an API key looks like: its id without dashes, and 256 random bits. Both in hexadecimal, so that a click selects it. */
const API_KEY = /^mr_([0-9a-f]{32})_([0-9a-f]{64})$/;

/** What all API keys begin with. */
export const API_KEY_PREFIX = "mr_";

/** A new secret, and what is stored of it. */
export function newSecret(): { readonly secret: string; readonly hash: string } {
  const secret = randomBytes(32).toString("hex");
  return { secret, hash: hashOf(secret) };
}

/** The key as its owner has it. */
export function writeApiKey(id: string, secret: string): string {
  return `${API_KEY_PREFIX}${id.replaceAll("-", "")}_${secret}`;
}

/** The id and the secret of a key; null where it is none. */
export function readApiKey(text: string): { readonly id: string; readonly secret: string } | null {
  const [, id, secret] = API_KEY.exec(text) ?? [];
  if (id === undefined || secret === undefined) return null;
  return { id: id.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"), secret };
}

/** SHA-256, in hexadecimal. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether two hashes are the same, in a time that does not depend on where they differ. */
export function sameHash(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
