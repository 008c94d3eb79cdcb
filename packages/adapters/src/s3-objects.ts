import { type Adapter, compileTemplate, defineAdapter, type Template, templateField } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";
import { matchesWildcard } from "./crawl/crawl-scope.ts";
import type { AdapterEnvironment } from "./environment.ts";
import { decodeBody } from "./http-body.ts";
import { bothKeys, bucketFields, S3Bucket } from "./s3/s3-bucket.ts";
import { templateInput } from "./template-input.ts";

const config = z
  .strictObject({
    ...bucketFields,
    prefix: templateField().default("").describe("What keys begin with, with `${…}` over the message"),
    match: z
      .string()
      .min(1)
      .max(1024)
      .default("*")
      .describe("A pattern for keys; `*` stands for any characters, `/` too"),
    start_after: z.string().min(1).optional().describe("Only keys that come after this one"),
    max_objects: z.int().min(1).optional().describe("The most objects that are emitted; default all"),
    read: z
      .enum(["none", "text", "base64"])
      .default("none")
      .describe("Whether each object is read, into `text` or, as base64, into `body`"),
    max_bytes: z
      .int()
      .min(1)
      .max(256 * 1024 * 1024)
      .default(10 * 1024 * 1024)
      .describe("The largest object that is read, in bytes; a larger one is emitted without its content, and logged"),
  })
  .refine(bothKeys.fits, bothKeys.otherwise);

type Config = z.infer<typeof config>;

interface Prepared {
  readonly bucket: S3Bucket;
  readonly prefix: Template;
}

const EXAMPLE = `version: "1.0"
routes:
  list:
    adapters:
      - type: s3_objects
        config:
          bucket: reports
          endpoint: https://s3.example.org
          access_key_id: an-id
          secret_access_key: a-secret
          prefix: "2026/"
          match: "*.md"
          read: text
    outbound: [cut]
  cut: { adapters: [{ type: markdown_split }] }
init_message: { route: list }
`;

/** One message per object of a bucket. */
export function s3Objects({ http }: AdapterEnvironment): Adapter<Config, Prepared> {
  return defineAdapter({
    type: "s3_objects",
    category: "source",
    description:
      "Lists the objects of a bucket of S3, or of a server like it: one message per object with `bucket`, `key`, `path`, `size`, `etag`, `modified_at` and `index`; reads them as well, if set.",
    config,
    example: EXAMPLE,
    prepare: (settings) => ({ bucket: new S3Bucket(http, settings), prefix: compileTemplate(settings.prefix) }),
    async *process(message, { config: settings, prepared, signal, log }) {
      const prefix = await prepared.prefix.render(templateInput(message));
      let index = 0;
      for await (const page of prepared.bucket.list(prefix, settings.start_after ?? null, signal)) {
        for (const { key, size, etag, modifiedAt } of page) {
          // What stands for a folder has nothing in it.
          if (key.endsWith("/") || !matchesWildcard(settings.match, key)) continue;
          if (settings.max_objects !== undefined && index >= settings.max_objects) return;
          const found = { bucket: settings.bucket, key, path: key, size, etag, modified_at: modifiedAt, index };
          index += 1;
          if (settings.read !== "none" && size > settings.max_bytes) {
            log.warn(`${key} has ${size} bytes, more than max_bytes: it is not read.`);
            yield found;
          } else yield { ...found, ...(await contentOf(key, settings, prepared.bucket, signal)) };
        }
      }
    },
  });
}

async function contentOf(
  key: string,
  { read, max_bytes: most }: Config,
  bucket: S3Bucket,
  signal: AbortSignal,
): Promise<JsonObject> {
  if (read === "none") return {};
  const bytes = await bucket.read(key, most, signal);
  if (read === "base64") return { body: bytes.toString("base64"), body_encoding: "base64" };
  const { body, ...rest } = decodeBody(new Headers(), bytes);
  return typeof body === "string" && rest.body_encoding === undefined ? { text: body } : { body: body ?? "", ...rest };
}
