import { createHash, hash } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import type { OpenObject } from "@millrace/engine";
import { AdapterError } from "@millrace/engine";
import type { S3Location } from "./s3-location.ts";
import { fromHeaders, type S3Metadata } from "./s3-metadata.ts";
import { isAbsent, isOtherVersion, s3Failure } from "./s3-problem.ts";

/** What is read, and from where. */
export interface S3Source {
  readonly client: S3Client;
  readonly location: S3Location;
  /** Without the prefix. */
  readonly key: string;
}

/** A version of an object whose bytes are on their way. */
interface Answer extends S3Metadata {
  readonly size: number;
  readonly etag: string | undefined;
  readonly versionId: string | undefined;
  readonly body: Readable;
}

/** An object up to this size is in memory once it is open: its connection is free, and it cannot change any more. */
export const HELD_BYTES = 1024 * 1024;

/** So many bytes are rather thrown away than asked for with a request of their own. */
const SKIPPED_BYTES = 256 * 1024;

/** Bodies that are cut, or are not what their hash says, are asked for so often without a byte more. */
const ATTEMPTS = 5;

const PAUSE_MS = 100;

/** Reads an object whole, and checks that its bytes are those that were written. Null where there is none. */
export async function readS3Object(source: S3Source): Promise<(S3Metadata & { readonly body: Buffer }) | null> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await ask(source);
    if (answer === null) return null;
    const body = await whole(answer);
    if (body !== null) return { body, metadata: answer.metadata, sha256: answer.sha256 };
    if (attempt === ATTEMPTS) throw unsound(source);
    await pause(attempt);
  }
}

/**
 * Opens an object; null where there is none. It stays at one version: small ones are held, and of others the answer that
 * was begun is kept, of which a server sends one version to its end. Where that connection is cut the rest is asked for
 * by the version's ETag.
 */
export async function openS3Object(source: S3Source): Promise<OpenObject | null> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await ask(source);
    if (answer === null) return null;
    const { size, sha256, metadata } = answer;
    if (size > HELD_BYTES) {
      // Cut while nobody reads: noticed by whoever does.
      answer.body.on("error", () => {});
      return {
        size,
        sha256,
        metadata,
        read: (range) => readRange(source, answer, range),
        close: async () => void answer.body.destroy(),
      };
    }
    const body = await whole(answer);
    if (body !== null) {
      const read = ({ start, end }: { start: number; end: number }) =>
        Readable.from([body.subarray(start, end + 1)], { objectMode: false });
      return { size, sha256, metadata, read, close: async () => {} };
    }
    if (attempt === ATTEMPTS) throw unsound(source);
    await pause(attempt);
  }
}

/** Asks for an object, or a part of the given version of it. Null where there is none that was written by us. */
async function ask(
  { client, location, key }: S3Source,
  part?: { readonly of: Answer; readonly start: number; readonly end: number },
): Promise<Answer | null> {
  const answer = await client
    .send(
      new GetObjectCommand({
        Bucket: location.bucket,
        Key: `${location.prefix}${key}`,
        ...(part === undefined ? {} : { Range: `bytes=${part.start}-${part.end}` }),
        ...(part?.of.etag === undefined ? {} : { IfMatch: part.of.etag }),
        ...(part?.of.versionId === undefined ? {} : { VersionId: part.of.versionId }),
      }),
    )
    .catch((error) => {
      if (part === undefined && isAbsent(error)) return null;
      throw part === undefined ? s3Failure("read", key, error, location) : error;
    });
  if (answer === null) return null;
  const body = answer.Body;
  if (!(body instanceof Readable)) throw s3Failure("read", key, new Error("there is no body"), location);
  const kept = fromHeaders(answer.ContentType, answer.Metadata);
  if (kept === null) {
    body.destroy();
    return null;
  }
  return { ...kept, size: answer.ContentLength ?? 0, etag: answer.ETag, versionId: answer.VersionId, body };
}

/** All bytes of an answer; null where they were cut, or are not what their hash says. */
async function whole({ body, size, sha256 }: Answer): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of body) chunks.push(asBuffer(chunk));
  } catch {
    return null;
  }
  const bytes = Buffer.concat(chunks);
  return bytes.length === size && hash("sha256", bytes) === sha256 ? bytes : null;
}

function readRange(
  source: S3Source,
  answer: Answer,
  range: { readonly start: number; readonly end: number },
): Readable {
  const state: RangeState = { current: answer.body, closed: false };
  const readable = Readable.from(chunksOf(source, answer, range, state), { objectMode: false });
  readable.once("close", () => {
    state.closed = true;
    state.current.destroy();
    answer.body.destroy();
  });
  return readable;
}

interface RangeState {
  /** The body that is being read. */
  current: Readable;
  closed: boolean;
}

/** The bytes of a range, whatever happens to the connection, from one version. */
async function* chunksOf(
  source: S3Source,
  answer: Answer,
  { start, end }: { readonly start: number; readonly end: number },
  state: RangeState,
): AsyncGenerator<Buffer> {
  const digest = start === 0 && end === answer.size - 1 ? createHash("sha256") : null;
  let at = start;
  let skip = await begin(source, answer, start, end, state);
  for (let cuts = 0; at <= end; ) {
    try {
      for await (const chunk of state.current) {
        const bytes = asBuffer(chunk);
        const skipped = Math.min(skip, bytes.length);
        skip -= skipped;
        const wanted = bytes.subarray(skipped, skipped + end - at + 1);
        if (wanted.length === 0) continue;
        at += wanted.length;
        cuts = 0;
        digest?.update(wanted);
        yield wanted;
        if (at > end) break;
      }
    } catch (error) {
      if (state.closed) throw error;
    }
    if (at > end) break;
    cuts += 1;
    if (cuts > ATTEMPTS)
      throw s3Failure("read", source.key, new Error("its connection is cut again and again"), source.location);
    await pause(cuts);
    await goOn(source, answer, at, end, state);
    skip = 0;
  }
  if (digest !== null && digest.digest("hex") !== answer.sha256) throw unsound(source);
}

/** Chooses what is read first; returns how many of its bytes are not wanted. */
async function begin(source: S3Source, answer: Answer, start: number, end: number, state: RangeState): Promise<number> {
  if (start <= SKIPPED_BYTES) return start;
  try {
    await goOn(source, answer, start, end, state);
  } catch {
    // Replaced since it was opened: the answer that was begun still is of that version.
    return start;
  }
  answer.body.destroy();
  return 0;
}

async function goOn(source: S3Source, of: Answer, start: number, end: number, state: RangeState): Promise<void> {
  let next: Answer | null;
  try {
    next = await ask(source, { of, start, end });
  } catch (error) {
    if (!isOtherVersion(error)) throw s3Failure("read", source.key, error, source.location);
    next = null;
  }
  if (next === null) {
    throw new AdapterError(
      "OBJECT_STORE_UNAVAILABLE",
      `The object "${source.key.slice(0, 200)}" was replaced or deleted while it was read, and the connection was cut: read it anew.`,
    );
  }
  if (state.closed) next.body.destroy();
  state.current = next.body;
}

function unsound({ key, location }: S3Source): AdapterError {
  return new AdapterError(
    "OBJECT_STORE_UNAVAILABLE",
    `The object "${key.slice(0, 200)}" cannot be read: what the bucket "${location.bucket}" sends is cut, or is not what was written (SHA-256).`,
  );
}

function pause(attempt: number): Promise<void> {
  return wait(PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2));
}

/** What a body of the client yields are bytes. */
function asBuffer(chunk: unknown): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk as Uint8Array);
}
