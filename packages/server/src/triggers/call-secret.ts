import { hash, randomBytes, timingSafeEqual } from "node:crypto";

/** Begins every secret, so that it is known for one where it should not be. */
const PREFIX = "mts_";

/** A new secret for a trigger's URL. */
export function makeCallSecret(): string {
  return `${PREFIX}${randomBytes(32).toString("base64url")}`;
}

/** What is stored of a secret. It has 256 random bits: nobody finds it by trying, however fast the hash is. */
export function hashCallSecret(secret: string): string {
  return hash("sha256", secret);
}

/** Whether it is the secret whose hash is stored: takes as long whatever of it is right. */
export function isCallSecret(secret: string, stored: string | null): boolean {
  const given = Buffer.from(hashCallSecret(secret), "hex");
  const known = Buffer.from(stored ?? hashCallSecret(""), "hex");
  return timingSafeEqual(given, known) && stored !== null;
}

/** A path as it may be written to a log: without the secret of a trigger. */
export function withoutCallSecret(path: string): string {
  return path.replace(/\bmts_[A-Za-z0-9_-]+/g, "mts_…");
}
