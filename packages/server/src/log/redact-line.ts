import { knownSecrets } from "@millrace/engine/redactor";

/** What stands in place of a credential. */
const GONE = "***";

/** Names of fields, and of parameters of URLs, whose values are credentials. */
const NAMES =
  "authorization|proxy-authorization|cookie|set-cookie|x-api-key|api[-_]?key|password|passwd|secret|client[-_]secret|ticket|token|access[-_]token|refresh[-_]token|id[-_]token|sig|signature|x-amz-(?:signature|credential|security-token)";

const RULES: readonly (readonly [what: RegExp, instead: string])[] = [
  // A URL's user and password: of a database, a broker, a proxy.
  // A scheme is short: longer ones would be looked for from each of their dots on.
  [/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s"'<>@/\\]+@/gi, `$1${GONE}@`],
  // Parameters of URLs.
  [new RegExp(`([?&;](?:${NAMES}|code|key)=)[^&;\\s"'<>#\\\\]+`, "gi"), `$1${GONE}`],
  // Fields, as of headers that are logged as they are: one value, or a list.
  [new RegExp(`("(?:${NAMES})":)(?:"(?:[^"\\\\]|\\\\.)*"|\\[[^\\]]*\\])`, "gi"), `$1"${GONE}"`],
  // Headers in a text.
  [/\b(Bearer|Basic|Digest|Token)\s+(?=[^\s"\\]*[A-Z0-9=])[A-Za-z0-9._~+/=-]{6,}/g, `$1 ${GONE}`],
  [/\b(millrace_session=)[^;\s"\\]+/g, `$1${GONE}`],
  // The service's own: keys, secrets of triggers and webhooks.
  [/\b(mr_[A-Za-z0-9]+_)[A-Za-z0-9_-]+/g, `$1${GONE}`],
  [/\bmts_[A-Za-z0-9_-]{8,}/g, `mts_${GONE}`],
  [/\bwhsec_[A-Za-z0-9+/=_-]+/g, `whsec_${GONE}`],
];

/**
 * Takes credentials out of a line of the log, whoever wrote it and wherever in it they stand: errors of drivers quote
 * addresses, adapters log what they were given. Those that the process knows go first, by their names; then whatever looks
 * like one.
 */
export function redactLine(line: string): string {
  let redacted = knownSecrets.redact(line);
  for (const [what, instead] of RULES) redacted = redacted.replace(what, instead);
  return redacted;
}
