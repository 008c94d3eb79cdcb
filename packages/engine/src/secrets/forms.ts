/** A way in which a secret may stand in a text. */
export interface Form {
  readonly text: string;
  /** Whether it is Base64 within more of it: what stands around belongs to it. */
  readonly packed: boolean;
}

/** Shorter ones are looked for as they are, and escaped: what they are in Base64 or hex stands in any text. */
const MIN_ENCODED = 8;

/** Lines of a secret that are looked for by themselves, as those of a key in PEM, have so many characters. */
const MIN_LINE = 16;

/** The fewest characters of Base64 that are taken for a secret. */
const MIN_PACKED = 10;

const HTML: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/**
 * The texts that give a secret away: as it is, escaped for JSON (once, and JSON within JSON), URLs, forms and HTML, and
 * from eight bytes on in hex and in Base64, also where other bytes stand before it there, as in `Basic`.
 */
export function formsOf(secret: string): Form[] {
  const texts = new Set<string>();
  for (const part of partsOf(secret)) {
    const json = JSON.stringify(part).slice(1, -1);
    texts.add(part).add(json).add(JSON.stringify(json).slice(1, -1));
    const url = urlEncoded(part);
    if (url !== null) {
      for (const escaped of [
        url,
        new URLSearchParams({ v: part }).toString().slice(2),
        url.replace(/[!'()*]/g, percent),
      ])
        texts.add(escaped).add(escaped.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()));
    }
    texts.add(part.replace(/[&<>"']/g, (character) => HTML[character] ?? character));
  }
  const forms: Form[] = [...texts].map((text) => ({ text, packed: false }));
  const bytes = Buffer.from(secret);
  if (bytes.length < MIN_ENCODED) return forms;
  const hex = bytes.toString("hex");
  forms.push({ text: hex, packed: false }, { text: hex.toUpperCase(), packed: false });
  const packed = new Set<string>();
  for (const before of [0, 1, 2]) {
    const core = base64Within(bytes, before);
    if (core.length >= MIN_PACKED) packed.add(core).add(core.replaceAll("+", "-").replaceAll("/", "_"));
  }
  for (const text of packed) forms.push({ text, packed: true });
  return forms;
}

function partsOf(secret: string): string[] {
  const trimmed = secret.trim();
  const lines = secret.split(/\r?\n/).filter((line) => line.length >= MIN_LINE && !line.startsWith("-----"));
  return [secret, ...(trimmed.length >= MIN_ENCODED ? [trimmed] : []), ...(secret.includes("\n") ? lines : [])];
}

/** The characters of Base64 that these bytes alone decide, where so many bytes (0 to 2, modulo 3) stand before them. */
function base64Within(bytes: Buffer, before: number): string {
  const text = Buffer.concat([Buffer.alloc(before), bytes])
    .toString("base64")
    .replace(/=+$/, "");
  const tail = (before + bytes.length) % 3 === 0 ? 0 : 1;
  return text.slice(before === 0 ? 0 : before + 1, text.length - tail);
}

/** Null where it is no well-formed Unicode. */
function urlEncoded(text: string): string | null {
  try {
    return encodeURIComponent(text);
  } catch {
    return null;
  }
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
