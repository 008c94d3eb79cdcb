/** The shortest secret that is blacked out: a shorter one would take half of the message with it, and is none. */
const MIN_SECRET = 4;

/** Blacks out secrets, as they are and as they stand in JSON: events and logs are read by whoever may watch. */
export function redact(text: string, secrets: readonly string[]): string {
  let redacted = text;
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET) continue;
    redacted = redacted.replaceAll(secret, "***").replaceAll(JSON.stringify(secret).slice(1, -1), "***");
  }
  return redacted;
}
