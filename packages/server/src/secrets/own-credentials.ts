import { type Environment, knownSecrets } from "@millrace/engine";
import type { Settings } from "../settings.ts";

/** Variables whose names say that they hold a credential: nothing that the service says may show them. */
const CREDENTIAL =
  /(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_KEY|PRIVATE_KEY|ADMIN_KEY|CREDENTIALS?)$/i;

/** Passwords of examples: much is said with them. */
const WORDS = ["postgres", "millrace", "password"];

/** Pipelines know their secrets by what follows. */
const OF_PIPELINES = /^MILLRACE_(?:SHARED_)?SECRET_/;

/** What requests to a collector of traces carry: `name=value`, separated by commas. */
const OF_COLLECTORS = ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"];

/** Names of headers that let one in. */
const CREDENTIAL_HEADER = /auth|cookie|key|password|secret|token/i;

/** From now on the process knows the credentials that its settings and its environment hold, and blacks them out. */
export function knowOwnCredentials(
  settings: Pick<Settings, "database_url" | "nats_url" | "admin_key"> & { readonly oidc_client_secret?: string | null },
  env: Environment,
): void {
  // As they may stand in the config file.
  for (const name of ["admin_key", "oidc_client_secret"] as const) knownSecrets.add(name, settings[name] ?? "");
  for (const [name, value = ""] of Object.entries(env)) {
    if (OF_PIPELINES.test(name)) knownSecrets.add(name.replace(OF_PIPELINES, ""), value);
    else if (CREDENTIAL.test(name) && !WORDS.includes(value)) knownSecrets.add(name, value);
  }
  for (const name of OF_COLLECTORS) {
    for (const each of env[name]?.split(",") ?? []) knowHeader(name, each);
  }
  for (const name of ["database_url", "nats_url"] as const) {
    for (const each of settings[name]?.split(",") ?? []) knowUrl(name, each.trim());
  }
}

function knowHeader(name: string, text: string): void {
  const [, header = "", value = ""] = /^([^=]+)=(.*)$/.exec(text.trim()) ?? [];
  if (!CREDENTIAL_HEADER.test(header)) return;
  // Behind a scheme, as `Bearer`, if there is one.
  const credential = (escaped: string) => escaped.trim().split(/\s+/).at(-1) ?? "";
  knownSecrets.add(name, credential(value));
  try {
    knownSecrets.add(name, credential(decodeURIComponent(value)));
  } catch {
    // It is as it stands there.
  }
}

function knowUrl(name: string, text: string): void {
  if (!URL.canParse(text)) return;
  const { username, password, pathname, searchParams } = new URL(text);
  // Without a password, NATS takes the user for a token.
  const secrets = [password === "" && name === "nats_url" ? username : password, searchParams.get("password") ?? ""];
  // One that is the user's or the database's name guards nothing, and is a word that much is said with.
  const words = [password === "" ? "" : username, pathname.slice(1), ...WORDS];
  for (const secret of secrets) {
    if (words.includes(secret)) continue;
    knownSecrets.add(name, secret);
    try {
      knownSecrets.add(name, decodeURIComponent(secret));
    } catch {
      // It is as it stands there.
    }
  }
}
