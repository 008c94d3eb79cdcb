import { AdapterError } from "@millrace/engine";
import type { JsonObject, JsonValue } from "@millrace/protocol";

/**
 * Reads the body of an answer, and no more of it than allowed, however much comes.
 * @throws AdapterError HTTP_BODY_TOO_LARGE, not retryable
 */
export async function readBody(response: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new AdapterError("HTTP_BODY_TOO_LARGE", `The answer has more than ${maxBytes} bytes (max_bytes).`, {
        retryable: false,
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** The payload's fields for a body: a JSON value where it is announced as JSON, else a text, else base64. */
export function decodeBody(response: Response, bytes: Buffer): JsonObject {
  const type = response.headers.get("content-type") ?? "";
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
