import { createHmac, randomBytes } from "node:crypto";

const PREFIX = "whsec_";

/** A new key to sign deliveries with: 32 bytes. */
export function makeWebhookSecret(): string {
  return `${PREFIX}${randomBytes(32).toString("base64")}`;
}

/** Whether a key is one to sign with. */
export function isWebhookSecret(secret: string): boolean {
  return /^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/.test(secret);
}

/**
 * The headers that a delivery is known by, as the Standard Webhooks specification has them: the receiver computes the
 * same over id, timestamp and body. `at` is in epoch ms.
 */
export function signatureHeaders(secret: string, id: string, at: number, body: string): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000));
  const key = Buffer.from(secret.slice(PREFIX.length), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
}
