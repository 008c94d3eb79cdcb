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

const unicode = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/**
 * What those who write JSON escape beside what they must, and how: nothing; what is no ASCII, as Python does, and slashes as
 * well, as PHP does; what HTML would read, as Go and Rails do; and all of these and more, as .NET does.
 */
const JSON_ESCAPES: readonly (readonly [what: RegExp, how: (character: string) => string])[] = [
  [/(?!)/g, unicode],
  [/[\u0080-\uffff]/g, unicode],
  [/\//g, () => "\\/"],
  [/[/\u0080-\uffff]/g, (character) => (character === "/" ? "\\/" : unicode(character))],
  [/[<>&\u2028\u2029]/g, unicode],
  [
    /\\"|["'&+<>`\u0080-\uffff]/g,
    (found) => unicode(found.slice(-1)).replace(/[a-f0-9]+$/, (hex) => hex.toUpperCase()),
  ],
];

const TEXT = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** What those who write HTML and XML make of what it would read. */
const HTML_ESCAPES: readonly Readonly<Record<string, string>>[] = [
  TEXT,
  { ...TEXT, '"': "&quot;" },
  { ...TEXT, '"': "&quot;", "'": "&#39;" },
  { ...TEXT, '"': "&quot;", "'": "&#x27;" },
  { ...TEXT, '"': "&quot;", "'": "&apos;" },
  { ...TEXT, '"': "&#34;", "'": "&#39;" },
  { ...TEXT, '"': "&#34;", "'": "&#39;", "+": "&#43;" },
  { ...TEXT, '"': "&quot;", "'": "&#x27;", "`": "&#x60;", "=": "&#x3D;" },
  { ...TEXT, '"': "&quot;", "'": "&#39;", "`": "&#x60;", "=": "&#x3D;", "/": "&#x2F;" },
];

/**
 * The texts that give a secret away: as it is, escaped for JSON (once, and JSON within JSON), URLs, forms and HTML, and
 * from eight bytes on in hex and in Base64, also where other bytes stand before it there, as in `Basic`.
 */
export function formsOf(secret: string): Form[] {
  const texts = new Set<string>();
  for (const part of partsOf(secret)) {
    texts.add(part);
    for (const [what, how] of JSON_ESCAPES) {
      const json = asJson(part).replace(what, how);
      texts.add(json).add(asJson(json)).add(asJson(json).replaceAll("/", "\\/"));
    }
    for (const escaped of urlForms(part))
      texts.add(escaped).add(escaped.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()));
    for (const escapes of HTML_ESCAPES) texts.add(part.replace(/[&<>"'`=/+]/g, (found) => escapes[found] ?? found));
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

/** As it stands between the quotes. */
function asJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** As a part of a URL, by those who escape all that they may, and by those who escape what they must. */
function urlForms(text: string): string[] {
  const url = new URL("http://host/");
  url.search = `?${text}`;
  url.username = text;
  const forms = [url.search.slice(1), url.username, new URLSearchParams({ v: text }).toString().slice(2)];
  // What is no well-formed Unicode has no other.
  if (!text.isWellFormed()) return forms;
  const escaped = encodeURIComponent(text);
  return [...forms, escaped, escaped.replace(/[!'()*]/g, percent), encodeURI(text)];
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
