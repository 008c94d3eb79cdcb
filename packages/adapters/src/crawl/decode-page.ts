/** How much of a page is searched for its encoding, in bytes: as much as browsers do. */
const PRESCAN = 1024;

/**
 * The text of a page, in the encoding that it has by its first bytes, by the head of the answer, or by its own word, in
 * that order; else UTF-8, and where it is none, Windows-1252, as browsers have it.
 */
export function decodePage(bytes: Uint8Array, contentType: string): string {
  for (const label of [bomOf(bytes), labelIn(contentType), isHtml(contentType) ? declaredIn(bytes) : null]) {
    const text = label === null ? null : decode(bytes, label, false);
    if (text !== null) return text;
  }
  return decode(bytes, "utf-8", true) ?? decode(bytes, "windows-1252", false) ?? "";
}

function decode(bytes: Uint8Array, label: string, fatal: boolean): string | null {
  try {
    return new TextDecoder(label, { fatal }).decode(bytes);
  } catch {
    return null;
  }
}

function isHtml(contentType: string): boolean {
  return /html|xml/i.test(contentType);
}

function bomOf(bytes: Uint8Array): string | null {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return "utf-8";
  if (a === 0xfe && b === 0xff) return "utf-16be";
  return a === 0xff && b === 0xfe ? "utf-16le" : null;
}

function labelIn(text: string): string | null {
  return /charset\s*=\s*["']?([^\s;"'>/]+)/i.exec(text)?.[1] ?? null;
}

function declaredIn(bytes: Uint8Array): string | null {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, PRESCAN)).toString("latin1");
  const meta = /<meta[^>]+charset\s*=[^>]*>/i.exec(start)?.[0];
  const declared =
    meta === undefined ? (/^<\?xml[^>]+encoding\s*=\s*["']([^"']+)/i.exec(start)?.[1] ?? null) : labelIn(meta);
  // A page whose `meta` could be read is not in UTF-16, whatever it says.
  return declared !== null && /^utf-?16/i.test(declared) ? "utf-8" : declared;
}
