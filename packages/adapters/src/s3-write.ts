import {
  type Adapter,
  AdapterError,
  compileTemplate,
  defineAdapter,
  type Template,
  templateField,
} from "@millrace/engine";
import type { JsonObject, JsonValue } from "@millrace/protocol";
import { z } from "zod";
import type { AdapterEnvironment } from "./environment.ts";
import { bothKeys, bucketFields, checkKey, S3Bucket } from "./s3/s3-bucket.ts";
import { templateInput } from "./template-input.ts";

const config = z
  .strictObject({
    ...bucketFields,
    key: templateField()
      .min(1)
      .default("${message_id}")
      .describe("The object's key, with `${…}` over the message; an object that is there is replaced"),
    field: z
      .string()
      .min(1)
      .optional()
      .describe("The field to write, as `items` of a batch; default the whole payload"),
    format: z
      .enum(["auto", "json", "jsonl", "base64"])
      .default("auto")
      .describe(
        "How it is written: a text as it is and anything else as JSON (`auto`), as JSON, as a line of JSON for each element of a list, or as the bytes of a text in `base64`",
      ),
    content_type: z
      .string()
      .regex(/^[\x21-\x7e][\x20-\x7e]{0,255}$/, "must be a media type, in ASCII")
      .optional()
      .describe("Default by `format`"),
  })
  .refine(bothKeys.fits, bothKeys.otherwise);

type Config = z.infer<typeof config>;

interface Prepared {
  readonly bucket: S3Bucket;
  readonly key: Template;
}

const EXAMPLE = `version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 250 } }], outbound: [pages] }
  pages: { adapters: [{ type: batch, config: { size: 100 } }], outbound: [keep] }
  keep:
    adapters:
      - type: s3_write
        config:
          bucket: readings
          region: eu-central-1
          access_key_id: an-id
          secret_access_key: a-secret
          key: "2026/\${message_id}.jsonl"
          field: items
          format: jsonl
init_message: { route: make }
`;

/** Writes an object to a bucket. */
export function s3Write({ http }: AdapterEnvironment): Adapter<Config, Prepared> {
  return defineAdapter({
    type: "s3_write",
    category: "sink",
    description:
      "Writes the payload, or a field of it, as an object to a bucket of S3, or of a server like it; adds `s3_key`, `s3_bytes` and `s3_etag`.",
    config,
    example: EXAMPLE,
    prepare: (settings) => ({ bucket: new S3Bucket(http, settings), key: compileTemplate(settings.key) }),
    async process(message, { config: settings, prepared, signal }) {
      const key = checkKey(await prepared.key.render(templateInput(message)));
      const { bytes, type } = bodyOf(message.payload, settings);
      const etag = await prepared.bucket.write(key, bytes, settings.content_type ?? type, signal);
      return { ...message.payload, s3_key: key, s3_bytes: bytes.length, s3_etag: etag };
    },
  });
}

function bodyOf(payload: JsonObject, { field, format }: Config): { bytes: Buffer; type: string } {
  if (field !== undefined && !Object.hasOwn(payload, field)) {
    throw new AdapterError("FIELD_MISSING", `The message has no field "${field}" to write.`, { retryable: false });
  }
  const value: JsonValue = field === undefined ? payload : (payload[field] ?? null);
  if (format === "base64") {
    if (typeof value !== "string" || !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value)) {
      throw new AdapterError("BASE64_INVALID", "What is to be written is no text in base64.", { retryable: false });
    }
    return { bytes: Buffer.from(value, "base64"), type: "application/octet-stream" };
  }
  if (format === "jsonl") {
    const lines = (Array.isArray(value) ? value : [value]).map((each) => `${JSON.stringify(each)}\n`);
    return { bytes: Buffer.from(lines.join("")), type: "application/x-ndjson" };
  }
  if (format === "auto" && typeof value === "string") {
    return { bytes: Buffer.from(value), type: "text/plain; charset=utf-8" };
  }
  return { bytes: Buffer.from(`${JSON.stringify(value, null, 2)}\n`), type: "application/json" };
}
