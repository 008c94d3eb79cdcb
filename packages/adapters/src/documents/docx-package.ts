import { AdapterError } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { SaxesParser } from "saxes";
import { fromBufferPromise } from "yauzl";

/** A document has tens of parts; one of a thousand pictures a thousand. */
const MAX_ENTRIES = 10_000;

/** The part with the title, the author and so on; it is short. */
const PROPERTIES = "docProps/core.xml";
const MAX_PROPERTIES_BYTES = 256 * 1024;

const NAMES: Readonly<Record<string, string>> = {
  "dc:title": "title",
  "dc:creator": "author",
  "dc:subject": "subject",
  "cp:keywords": "keywords",
  "dc:description": "description",
  "dc:language": "language",
  "dcterms:created": "created_at",
  "dcterms:modified": "modified_at",
};

/**
 * Unpacks every part of a document once, without keeping it: what its parts say of their sizes is not believed. Returns
 * what the document says of itself.
 * @throws AdapterError DOCX_INVALID, DOCX_TOO_LARGE; not retryable
 */
export async function checkPackage(bytes: Buffer, maxUnpackedBytes: number): Promise<JsonObject> {
  let unpacked = 0;
  let properties: JsonObject = {};
  let isDocument = false;
  try {
    const zip = await fromBufferPromise(bytes, { lazyEntries: true, validateEntrySizes: true });
    if (zip.entryCount > MAX_ENTRIES) throw tooLarge(`it has ${zip.entryCount} parts; ${MAX_ENTRIES} are read`);
    for await (const entry of zip.eachEntry()) {
      const name = String(entry.fileName);
      if (entry.isEncrypted()) throw invalid("it is encrypted");
      if (name === "[Content_Types].xml") isDocument = true;
      const kept: Buffer[] = [];
      let size = 0;
      for await (const chunk of await zip.openReadStreamPromise(entry)) {
        // The stream of a part gives bytes.
        const piece = chunk as Buffer;
        size += piece.byteLength;
        unpacked += piece.byteLength;
        if (unpacked > maxUnpackedBytes) {
          throw tooLarge(`its parts are more than ${maxUnpackedBytes} bytes unpacked (max_unpacked_bytes)`);
        }
        if (name === PROPERTIES && size <= MAX_PROPERTIES_BYTES) kept.push(piece);
      }
      if (name === PROPERTIES && size <= MAX_PROPERTIES_BYTES) properties = readProperties(Buffer.concat(kept));
    }
  } catch (error) {
    if (error instanceof AdapterError) throw error;
    throw invalid(oldFormat(bytes) ?? (error instanceof Error ? error.message : String(error)), error);
  }
  if (!isDocument) throw invalid("it is a zip archive, and no document of Word");
  return properties;
}

/** Documents of Word before 2007, and those with a password, begin so. */
function oldFormat(bytes: Buffer): string | null {
  return bytes.toString("hex", 0, 8) === "d0cf11e0a1b11ae1"
    ? "it is in the format of Word before 2007, or has a password: save it as .docx, without one"
    : null;
}

function readProperties(xml: Buffer): JsonObject {
  const found: JsonObject = {};
  let name: string | undefined;
  const parser = new SaxesParser();
  parser.on("opentag", (tag) => {
    name = NAMES[tag.name];
  });
  parser.on("closetag", () => {
    name = undefined;
  });
  parser.on("text", (text) => {
    if (name !== undefined && text.trim() !== "") found[name] = text.trim().slice(0, 1000);
  });
  try {
    parser.write(xml.toString("utf8")).close();
  } catch {
    // The text is what counts: a document whose description is broken is read all the same.
    return {};
  }
  return found;
}

/** A document that cannot be read. */
export function invalid(why: string, cause?: unknown): AdapterError {
  const text = why.replace(/\.$/, "").slice(0, 300);
  return new AdapterError("DOCX_INVALID", `The document cannot be read: ${text}.`, { retryable: false, cause });
}

function tooLarge(why: string): AdapterError {
  return new AdapterError("DOCX_TOO_LARGE", `The document is not read: ${why}.`, { retryable: false });
}
