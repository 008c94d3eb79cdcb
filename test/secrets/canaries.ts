import assert from "node:assert/strict";

/** Values that are to be found nowhere, by name. Each has what escapes differ in. */
export const CANARIES = {
  FROM_ENV: 'canary-env "7Q&x"/+%<9~',
  FROM_FILE: "canary-file/Zk83+jd&Uw92",
  FROM_VAULT: "canary-vault:0Pq?7=hh-11",
  HOOK: `whsec_${Buffer.from("canary-hook-0123456789abcdef").toString("base64")}`,
} as const;

const formsOf = (secret: string): string[] => {
  const bytes = Buffer.from(secret);
  const json = JSON.stringify(secret).slice(1, -1);
  return [
    secret,
    json,
    JSON.stringify(json).slice(1, -1),
    json.replaceAll("/", "\\/"),
    json.replaceAll("&", "\\u0026"),
    encodeURIComponent(secret),
    new URLSearchParams({ v: secret }).toString().slice(2),
    bytes.toString("base64").replace(/.{0,3}=*$/, ""),
    bytes.toString("base64url").slice(0, -3),
    // As it is in `Basic`, after a user of that name.
    Buffer.from(`user:${secret}`).toString("base64").slice(8, -6),
    bytes.toString("hex"),
    // Half of it is too much as well.
    secret.slice(0, 14),
  ];
};

const NEEDLES = Object.entries(CANARIES).flatMap(([name, secret]) =>
  [...new Set(formsOf(secret))].map((form) => ({ name, form, bytes: Buffer.from(form) })),
);

/** Asserts that a canary is in none of it, in whichever form. */
export function assertClean(where: string, what: string | Uint8Array): void {
  const bytes =
    typeof what === "string" ? Buffer.from(what) : Buffer.from(what.buffer, what.byteOffset, what.byteLength);
  for (const { name, form, bytes: needle } of NEEDLES) {
    const at = bytes.indexOf(needle);
    if (at < 0) continue;
    const around = bytes.subarray(Math.max(0, at - 200), at + needle.length + 100).toString("utf8");
    assert.fail(`${where} has ${name} as ${JSON.stringify(form)}: …${around}…`);
  }
}
