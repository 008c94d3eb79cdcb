import { AdapterError } from "@millrace/engine";

/** A page of a list of objects. */
export interface S3Page {
  readonly objects: readonly S3Listed[];
  /** What the next page is asked for with; null: there is none. */
  readonly next: string | null;
}

/** An object of a list. */
export interface S3Listed {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  readonly etag: string | null;
  readonly modifiedAt: string | null;
}

/** Texts of elements, by their path of local names. */
type OnText = (path: string, text: string) => void;

/**
 * Reads an answer to ListObjectsV2.
 * @throws AdapterError S3_ANSWER_INVALID, retryable
 */
export async function s3Page(xml: string): Promise<S3Page> {
  const objects: S3Listed[] = [];
  let fields = new Map<string, string>();
  let token: string | null = null;
  let truncated = false;
  let encoded = false;
  const well = await readXml(
    xml,
    (path, text) => {
      if (path.startsWith("ListBucketResult/Contents/"))
        fields.set(path.slice("ListBucketResult/Contents/".length), text);
      else if (path === "ListBucketResult/NextContinuationToken") token = text;
      else if (path === "ListBucketResult/IsTruncated") truncated = text === "true";
      else if (path === "ListBucketResult/EncodingType") encoded = text === "url";
    },
    (path) => {
      if (path !== "ListBucketResult/Contents") return;
      const key = fields.get("Key");
      const modified = Date.parse(fields.get("LastModified") ?? "");
      if (key !== undefined) {
        objects.push({
          key,
          size: Number(fields.get("Size") ?? 0),
          etag: fields.get("ETag") ?? null,
          modifiedAt: Number.isNaN(modified) ? null : new Date(modified).toISOString(),
        });
      }
      fields = new Map();
    },
  );
  if (!well || !/<(?:\w+:)?ListBucketResult[\s>/]/.test(xml)) {
    throw new AdapterError("S3_ANSWER_INVALID", "What the server sent is no list of objects.");
  }
  const decoded = encoded ? objects.map((each) => ({ ...each, key: unescapeKey(each.key) })) : objects;
  return { objects: decoded, next: truncated ? token : null };
}

/** What an answer of an error says; null where it does not. */
export async function s3ErrorOf(xml: string): Promise<{ code: string | null; message: string | null }> {
  let code: string | null = null;
  let message: string | null = null;
  await readXml(xml, (path, text) => {
    if (path === "Error/Code") code = text.slice(0, 100);
    else if (path === "Error/Message") message = text.slice(0, 500);
  });
  return { code, message };
}

/** Reads XML; false where it is not well formed. */
async function readXml(xml: string, onText: OnText, onEnd: (path: string) => void = () => {}): Promise<boolean> {
  const { SaxesParser } = await import("saxes");
  const parser = new SaxesParser();
  const path: string[] = [];
  let text = "";
  parser.on("opentag", ({ name }) => {
    path.push(name.slice(name.indexOf(":") + 1));
    text = "";
  });
  const add = (more: string) => {
    text += more;
  };
  parser.on("text", add);
  parser.on("cdata", add);
  parser.on("closetag", ({ isSelfClosing }) => {
    const whole = path.join("/");
    if (!isSelfClosing) onText(whole, text);
    onEnd(whole);
    text = "";
    path.pop();
  });
  try {
    parser.write(xml).close();
    return true;
  } catch {
    return false;
  }
}

function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll("+", " "));
  } catch {
    return key;
  }
}
