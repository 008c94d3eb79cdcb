import { finished } from "node:stream";
import type { OpenObject } from "@millrace/engine";
import { MillraceError, partsOfKey } from "@millrace/protocol";
import { create as contentDisposition } from "content-disposition";
import type { FastifyReply, FastifyRequest } from "fastify";
import { parseRange } from "./byte-range.ts";
import { checkConditions, rangeCounts } from "./conditions.ts";

/**
 * What an object may do when it is opened as a page: it came from a message, and the service's own pages are of the same
 * origin. No script runs, no form is sent, nothing but pictures of the same store is loaded, and its origin is none.
 */
const POLICY =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self' data:; font-src data:; frame-ancestors 'none'";

/** A media type as a header may carry it. */
const MEDIA_TYPE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+ *(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

const UNKNOWN_TYPE = "application/octet-stream";

/**
 * Answers with an object, or the part of it that is asked for, as its client takes it; closes it. Conditions and ranges
 * are those of RFC 9110.
 * @throws MillraceError PRECONDITION_FAILED, RANGE_NOT_SATISFIABLE
 */
export async function sendObject(
  request: FastifyRequest,
  reply: FastifyReply,
  { key, object, download }: { readonly key: string; readonly object: OpenObject; readonly download: boolean },
): Promise<unknown> {
  let taken = false;
  try {
    const { size, sha256, metadata } = object;
    const { headers } = request.raw;
    const now = Date.now();
    const written = Date.parse(metadata.createdAt);
    const lastModified = Math.floor(Math.min(Number.isNaN(written) ? now : written, now) / 1000) * 1000;
    const validators = { etag: `"${sha256}"`, lastModified };
    const outcome = checkConditions(headers, validators);
    if (outcome === "failed") {
      throw new MillraceError("PRECONDITION_FAILED", `The object's ETag is ${validators.etag}.`);
    }
    const isHead = request.raw.method === "HEAD";
    const asked = isHead ? undefined : headers.range;
    const range =
      outcome === "go on" && asked !== undefined && rangeCounts(headers["if-range"], validators, now)
        ? parseRange(asked, size)
        : null;
    if (range === "unsatisfiable") {
      reply.header("content-range", `bytes */${size}`).header("accept-ranges", "bytes");
      throw new MillraceError("RANGE_NOT_SATISFIABLE", `The object has ${size} bytes, and none of those asked for.`);
    }
    reply.headers({
      etag: validators.etag,
      "last-modified": new Date(lastModified).toUTCString(),
      "accept-ranges": "bytes",
      // Kept by the client's own cache alone, and asked about each time.
      "cache-control": "private, no-cache",
      "content-security-policy": POLICY,
    });
    if (outcome === "not modified") return reply.code(304).send();
    const { start, end } = range ?? { start: 0, end: size - 1 };
    reply.headers({
      "content-type": MEDIA_TYPE.test(metadata.contentType) ? metadata.contentType : UNKNOWN_TYPE,
      "content-disposition": contentDisposition(partsOfKey(key)?.name.split("/").at(-1) ?? key, {
        type: download ? "attachment" : "inline",
      }),
      "content-length": end - start + 1,
    });
    if (range !== null) reply.code(206).header("content-range", `bytes ${start}-${end}/${size}`);
    if (isHead || end < start) return reply.send();
    const body = object.read({ start, end });
    taken = true;
    let left = end - start + 1;
    body.on("data", (chunk: Buffer) => {
      left -= chunk.length;
    });
    body.pause();
    finished(body, () => {
      // A file that became shorter while it was read: the client must not wait for the rest of it, nor take it for whole.
      if (left > 0) reply.raw.destroy();
    });
    return reply.send(body);
  } finally {
    if (!taken) await object.close();
  }
}
