import type { JsonObject, JsonValue } from "@millrace/protocol";

/** The payload's fields for a body: a JSON value where it is announced as JSON, else a text, else base64. */
export function decodeBody(headers: Headers, bytes: Buffer): JsonObject {
  const type = headers.get("content-type") ?? "";
  const text = toText(bytes, /charset=["']?([^;"'\s]+)/i.exec(type)?.[1] ?? "utf-8");
  if (text === null) return { body: bytes.toString("base64"), body_encoding: "base64" };
  if (/^application\/(?:[\w.-]+\+)?json/i.test(type)) {
    try {
      // What a JSON parser returns is JSON.
      return { body: JSON.parse(text) as JsonValue };
    } catch {
      // Announced as JSON, and none: as text it can still be looked at.
    }
  }
  return { body: text };
}

/** The headers of an answer as a payload's fields: each by its name; the cookies are a list, since their values may hold commas. */
export function headerFields(headers: Headers): JsonObject {
  const cookies = headers.getSetCookie();
  return { ...Object.fromEntries(headers), ...(cookies.length === 0 ? {} : { "set-cookie": cookies }) };
}

function toText(bytes: Buffer, encoding: string): string | null {
  try {
    return decoder(encoding).decode(bytes);
  } catch {
    return null;
  }
}

/** An encoding that nobody knows says nothing: as a browser does, the default is tried. */
function decoder(encoding: string): TextDecoder {
  try {
    return new TextDecoder(encoding, { fatal: true });
  } catch {
    return new TextDecoder("utf-8", { fatal: true });
  }
}
