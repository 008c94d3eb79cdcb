import { knownSecrets, type Looked, SECRET_PREFIX, type WebhookRecord } from "@millrace/engine";
import { isWebhookSecret } from "./signature.ts";

/** The secrets of the service, by name. */
export interface WebhookSecrets {
  one(name: string, project?: string): Promise<Looked>;
}

/** What a delivery is signed with and sent along with, or why it cannot be sent. */
export type Signing =
  | { readonly key: string; readonly headers: Readonly<Record<string, string>> }
  | { readonly problem: string };

const PLACEHOLDER = /\$\{secret:([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** The key of a webhook, and its headers with the secrets that they name. `project`: whose secrets; default: the default one. */
export async function signing(webhook: WebhookRecord, secrets: WebhookSecrets, project?: string): Promise<Signing> {
  const key = await keyOf(webhook, secrets, project);
  if ("problem" in key) return { problem: `${key.problem}; nothing is sent unsigned.` };
  const headers: Record<string, string> = {};
  for (const [name, written] of Object.entries(webhook.headers)) {
    let value = written;
    for (const [placeholder, secret = ""] of written.matchAll(PLACEHOLDER)) {
      const looked = await secrets.one(secret, project);
      if (!("value" in looked)) return { problem: `The header ${name}: ${looked.message}.` };
      value = value.replace(placeholder, () => looked.value);
    }
    headers[name] = value;
  }
  return { key: key.value, headers };
}

async function keyOf(
  { secret, secretEnv }: WebhookRecord,
  secrets: WebhookSecrets,
  project: string | undefined,
): Promise<{ readonly value: string } | { readonly problem: string }> {
  if (secretEnv === null) {
    if (secret === null || !isWebhookSecret(secret)) return { problem: "The webhook has no key as whsec_…" };
    knownSecrets.add("webhook", secret);
    return { value: secret };
  }
  const name = secretEnv.slice(SECRET_PREFIX.length);
  const looked = await secrets.one(name, project);
  if (!("value" in looked)) return { problem: looked.message };
  return isWebhookSecret(looked.value) ? looked : { problem: `The secret "${name}" holds no key as whsec_…` };
}
