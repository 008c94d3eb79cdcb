import { hash, randomUUID } from "node:crypto";
import { DeleteObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import type { ObjectMetadata, ObjectReader, ObjectStore, OpenObject } from "@millrace/engine";
import { AdapterError } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { checkKey, isKey } from "../files/object-key.ts";
import { createS3Client, type S3ClientOptions } from "./s3-client.ts";
import { deleteS3Objects, listS3Objects } from "./s3-listing.ts";
import { parseS3Url, type S3Location } from "./s3-location.ts";
import { toHeaders } from "./s3-metadata.ts";
import { s3Failure, s3Problem } from "./s3-problem.ts";
import { openS3Object, readS3Object, type S3Source } from "./s3-read.ts";
import { writeS3Object } from "./s3-write.ts";

/** Of a key with its prefix, by S3's own rule. */
const MAX_KEY_BYTES = 1024;

/**
 * Objects in a bucket: bodies under their keys, behind the prefix; what is kept beside each in the object's own metadata, which
 * is written with it in one request. An object that others put there, without that metadata, is listed and not read.
 * Any number of nodes use one bucket.
 */
export class S3ObjectStore implements ObjectStore, ObjectReader {
  readonly #client: S3Client;
  readonly #location: S3Location;
  /** The last write per key: those to one key are made one after the other, so that the last one called is what stays. */
  readonly #writes = new Map<string, Promise<void>>();

  constructor(client: S3Client, location: S3Location) {
    this.#client = client;
    this.#location = location;
  }

  /**
   * Opens the bucket that an `objects_url` names, with credentials of the environment, after a look whether it can be
   * listed, written and read.
   * @throws MillraceError SETTING_INVALID where the URL, the credentials, the bucket or their rights have to be changed;
   * STORE_UNREACHABLE where the server does not answer
   */
  static async open(
    url: string,
    environment: Readonly<Record<string, string | undefined>>,
    options: S3ClientOptions = {},
  ): Promise<S3ObjectStore> {
    const location = parseS3Url(url, environment);
    const client = createS3Client(location, environment, options);
    try {
      await tryOut(client, location);
    } catch (error) {
      client.destroy();
      throw error;
    }
    return new S3ObjectStore(client, location);
  }

  async put(key: string, body: Uint8Array, metadata: ObjectMetadata): Promise<void> {
    this.#check(key);
    const before = this.#writes.get(key) ?? Promise.resolve();
    const write = before.catch(() => {}).then(() => this.#put(key, body, metadata));
    this.#writes.set(key, write);
    try {
      await write;
    } finally {
      if (this.#writes.get(key) === write) this.#writes.delete(key);
    }
  }

  async get(key: string): Promise<{ body: Buffer; metadata: ObjectMetadata } | null> {
    this.#check(key);
    const read = await readS3Object(this.#source(key));
    return read === null ? null : { body: read.body, metadata: read.metadata };
  }

  async open(key: string): Promise<OpenObject | null> {
    return this.#fits(key) ? openS3Object(this.#source(key)) : null;
  }

  async *list(prefix: string): AsyncIterable<string> {
    checkPrefix(prefix);
    for await (const page of this.#pages(prefix)) for (const { key } of page) yield this.#withoutPrefix(key);
  }

  async deleteAll(prefix: string): Promise<void> {
    checkPrefix(prefix);
    // One that is being written would be put in its place after all else is gone.
    const writes = [...this.#writes].filter(([key]) => key.startsWith(prefix)).map(([, write]) => write);
    await Promise.allSettled(writes);
    try {
      await deleteS3Objects(this.#client, this.#location.bucket, `${this.#location.prefix}${prefix}`);
    } catch (error) {
      throw s3Failure("deleted", prefix, error, this.#location);
    }
  }

  async sizeOf(prefix: string): Promise<number> {
    checkPrefix(prefix);
    let bytes = 0;
    for await (const page of this.#pages(prefix)) for (const { size } of page) bytes += size;
    return bytes;
  }

  /** Lets go of its connections. */
  close(): void {
    this.#client.destroy();
  }

  async #put(key: string, body: Uint8Array, metadata: ObjectMetadata): Promise<void> {
    const headers = toHeaders({ metadata, sha256: metadata.sha256 ?? hash("sha256", body) });
    const { bucket, prefix } = this.#location;
    try {
      await writeS3Object(this.#client, { Bucket: bucket, Key: `${prefix}${key}`, body, ...headers });
    } catch (error) {
      throw s3Failure("written", key, error, this.#location);
    }
  }

  async *#pages(prefix: string): ReturnType<typeof listS3Objects> {
    try {
      yield* listS3Objects(this.#client, this.#location.bucket, `${this.#location.prefix}${prefix}`);
    } catch (error) {
      throw s3Failure("listed", prefix, error, this.#location);
    }
  }

  #source(key: string): S3Source {
    return { client: this.#client, location: this.#location, key };
  }

  #withoutPrefix(key: string): string {
    return key.slice(this.#location.prefix.length);
  }

  #fits(key: string): boolean {
    return isKey(key) && Buffer.byteLength(this.#location.prefix) + Buffer.byteLength(key) <= MAX_KEY_BYTES;
  }

  #check(key: string): void {
    checkKey(key);
    if (this.#fits(key)) return;
    throw new AdapterError(
      "OBJECT_KEY_INVALID",
      `"${key.slice(0, 200)}" is too long for an object in a bucket: with its prefix it may have ${MAX_KEY_BYTES} bytes.`,
      { retryable: false },
    );
  }
}

/** @throws AdapterError OBJECT_KEY_INVALID where no key can begin so */
function checkPrefix(prefix: string): void {
  const slash = prefix.lastIndexOf("/");
  if (slash >= 0) checkKey(prefix.slice(0, slash));
}

/** Lists, writes, reads and deletes, so that what is wrong is said at the start. */
async function tryOut(client: S3Client, location: S3Location): Promise<void> {
  const { bucket, prefix } = location;
  const key = `.millrace/${randomUUID()}`;
  const body = Buffer.from("Millrace can write here.\n");
  const sha256 = hash("sha256", body);
  const metadata = { contentType: "text/plain", createdAt: new Date().toISOString() };
  try {
    await listS3Objects(client, bucket, prefix, 1).next();
    await writeS3Object(client, { Bucket: bucket, Key: `${prefix}${key}`, body, ...toHeaders({ metadata, sha256 }) });
  } catch (error) {
    const { kind, text } = s3Problem(error, location);
    throw new MillraceError(kind === "passing" ? "STORE_UNREACHABLE" : "SETTING_INVALID", `objects_url: ${text}.`);
  }
  let read: Awaited<ReturnType<typeof readS3Object>>;
  try {
    read = await readS3Object({ client, location, key });
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: `${prefix}${key}` }));
  } catch (error) {
    if (error instanceof AdapterError) throw new MillraceError("STORE_UNREACHABLE", `objects_url: ${error.message}`);
    const { kind, text } = s3Problem(error, location);
    throw new MillraceError(kind === "passing" ? "STORE_UNREACHABLE" : "SETTING_INVALID", `objects_url: ${text}.`);
  }
  if (read === null) {
    throw new MillraceError(
      "SETTING_INVALID",
      `objects_url: the server at ${location.endpoint ?? location.region} does not keep the metadata of objects (x-amz-meta-…): use one that does.`,
    );
  }
}
