import type { Readable, Transform } from "node:stream";
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from "node:zlib";
import { AdapterError } from "@millrace/engine";

/** What is offered to servers. */
export const ACCEPT_ENCODING = "gzip, deflate, br, zstd";

/** Encodings one over the other that are taken off. */
const MOST_LAYERS = 3;

/** Broken off where it ends too early, a text is what there is of it: as browsers have it. */
const LENIENT = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };

/**
 * Reads a body and unpacks it, and no more of it than allowed, however much comes, or comes of it. `truncate`: what is
 * beyond is left out.
 * @throws AdapterError HTTP_BODY_TOO_LARGE, HTTP_ENCODING_INVALID, not retryable
 */
export async function readUnpacked(
  body: Readable,
  encoding: string | null,
  maxBytes: number,
  truncate = false,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of unpacked(body, encoding)) {
    size += chunk.length;
    if (size > maxBytes && !truncate) throw tooLarge(maxBytes);
    chunks.push(chunk);
    if (size > maxBytes) return Buffer.concat(chunks, maxBytes);
  }
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, size);
}

/** The pieces of a body, unpacked. Whoever stops early lets go of all of it. */
async function* unpacked(body: Readable, encoding: string | null): AsyncGenerator<Buffer> {
  const layers = layersOf(encoding);
  let stream: Readable = body;
  const transforms: Transform[] = [];
  try {
    for (const layer of layers) {
      const transform = await unpacker(layer, stream);
      if (transform === null) continue;
      const source = stream;
      source.on("error", (error) => transform.destroy(error));
      stream = source.pipe(transform);
      transforms.push(transform);
    }
    // What a stream of bytes yields.
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    if (isZlibError(error)) {
      const text = `The answer cannot be unpacked (${encoding}): ${error.message}.`;
      throw new AdapterError("HTTP_ENCODING_INVALID", text, { retryable: false, cause: error });
    }
    throw error;
  } finally {
    for (const transform of transforms) transform.destroy();
    // What comes of it is nobody's any more.
    body.on("error", () => undefined);
    body.destroy();
  }
}

/** Encodings in the order in which they are taken off. One that is not known leaves the body as it is. */
function layersOf(encoding: string | null): readonly string[] {
  const layers = (encoding ?? "")
    .toLowerCase()
    .split(",")
    .map((layer) => layer.trim())
    .filter((layer) => layer !== "" && layer !== "identity");
  if (layers.length > MOST_LAYERS) {
    const text = `The answer is packed ${layers.length} times over; ${MOST_LAYERS} are taken off at most.`;
    throw new AdapterError("HTTP_ENCODING_INVALID", text, { retryable: false });
  }
  return layers.some((layer) => !KNOWN.has(layer)) ? [] : layers.reverse();
}

const KNOWN = new Set(["gzip", "x-gzip", "deflate", "br", "zstd"]);

async function unpacker(layer: string, source: Readable): Promise<Transform | null> {
  // An answer without a body, as to HEAD, may still name its encoding.
  const first = await firstByte(source);
  if (first === null) return null;
  switch (layer) {
    case "br":
      return createBrotliDecompress({
        flush: constants.BROTLI_OPERATION_FLUSH,
        finishFlush: constants.BROTLI_OPERATION_FLUSH,
      });
    case "zstd":
      return createZstdDecompress({ flush: constants.ZSTD_e_continue, finishFlush: constants.ZSTD_e_flush });
    case "deflate":
      // Some servers send it without the head that belongs to it.
      return (first & 0x0f) === 8 ? createInflate(LENIENT) : createInflateRaw(LENIENT);
    default:
      return createGunzip(LENIENT);
  }
}

/** Looks at the first byte, and puts it back; null where there is none. */
async function firstByte(source: Readable): Promise<number | null> {
  while (true) {
    const chunk: Buffer | null = source.read();
    if (chunk !== null) {
      source.unshift(chunk);
      return chunk[0] ?? null;
    }
    if (source.readableEnded || source.destroyed) {
      if (source.errored !== null) throw source.errored;
      return null;
    }
    await new Promise<void>((resolve, reject) => {
      const over = () => {
        source.off("readable", done).off("end", done).off("error", failed).off("close", done);
      };
      const done = () => {
        over();
        resolve();
      };
      const failed = (error: Error) => {
        over();
        reject(error);
      };
      source.on("readable", done).on("end", done).on("error", failed).on("close", done);
    });
  }
}

function tooLarge(maxBytes: number): AdapterError {
  return new AdapterError("HTTP_BODY_TOO_LARGE", `The answer has more than ${maxBytes} bytes (max_bytes).`, {
    retryable: false,
  });
}

function isZlibError(error: unknown): error is Error {
  return (
    error instanceof Error &&
    "code" in error &&
    /^(?:Z_|ERR_(?:_)?(?:BROTLI|ZSTD|PADDING)|ERR__ERROR)/.test(String(error.code))
  );
}
