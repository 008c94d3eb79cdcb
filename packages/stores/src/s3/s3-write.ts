import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { S3Headers } from "./s3-metadata.ts";
import { isNoUpload } from "./s3-problem.ts";

/** An object to be written. */
export interface S3Write extends S3Headers {
  readonly Bucket: string;
  /** With the prefix. */
  readonly Key: string;
  readonly body: Uint8Array;
}

/** Bodies above this are sent in parts: one that fails is sent again, not the whole. */
export const MULTIPART_BYTES = 16 * 1024 * 1024;

/** At least the 5 MiB that servers ask for. */
const PART_BYTES = 8 * 1024 * 1024;

/** S3 takes 10,000 parts. */
const MAX_PARTS = 10_000;

/** Parts that are under way at once. */
const PARTS_AT_ONCE = 4;

/**
 * Writes an object whole or not at all: nobody sees a part of it, and parts that were sent are removed where the write
 * fails. Throws the client's own errors.
 */
export async function writeS3Object(client: S3Client, write: S3Write): Promise<void> {
  if (write.body.length > MULTIPART_BYTES) return writeInParts(client, write);
  const { body, ...target } = write;
  // Signed with its hash: the server refuses what arrives otherwise.
  await client.send(new PutObjectCommand({ ...target, Body: body, ContentLength: body.length }));
}

async function writeInParts(client: S3Client, { body, ...target }: S3Write): Promise<void> {
  const { Bucket, Key } = target;
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
  if (UploadId === undefined) throw new Error("the server began an upload without an id");
  const upload = { Bucket, Key, UploadId };
  try {
    const Parts = await sendParts(client, upload, body);
    await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
  } catch (error) {
    // Completed, and the answer was lost: asked again, the server does not know the upload any more.
    if (isNoUpload(error) && (await isWritten(client, target))) return;
    // Best effort: where this fails as well, the bucket's rule for unfinished uploads removes them.
    await client.send(new AbortMultipartUploadCommand(upload)).catch(() => {});
    throw error;
  }
}

async function sendParts(
  client: S3Client,
  upload: { readonly Bucket: string; readonly Key: string; readonly UploadId: string },
  body: Uint8Array,
): Promise<{ PartNumber: number; ETag: string }[]> {
  const size = Math.max(PART_BYTES, Math.ceil(body.length / MAX_PARTS));
  const parts: { PartNumber: number; ETag: string }[] = [];
  const failed = new AbortController();
  let next = 0;
  const send = async () => {
    while (next * size < body.length && !failed.signal.aborted) {
      const index = next++;
      const Body = body.subarray(index * size, (index + 1) * size);
      const command = new UploadPartCommand({ ...upload, PartNumber: index + 1, Body, ContentLength: Body.length });
      const { ETag } = await client.send(command, { abortSignal: failed.signal });
      if (ETag === undefined) throw new Error("the server took a part without an ETag");
      parts[index] = { PartNumber: index + 1, ETag };
    }
  };
  const senders = Array.from({ length: PARTS_AT_ONCE }, () =>
    send().catch((error) => {
      failed.abort();
      throw error;
    }),
  );
  const results = await Promise.allSettled(senders);
  // The first that failed has aborted the others: theirs are not the reason.
  const reasons = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  const reason = reasons.find((error) => !(error instanceof Error && error.name === "AbortError")) ?? reasons[0];
  if (reason !== undefined) throw reason;
  return parts;
}

async function isWritten(client: S3Client, { Bucket, Key, Metadata }: Omit<S3Write, "body">): Promise<boolean> {
  const head = await client.send(new HeadObjectCommand({ Bucket, Key })).catch(() => null);
  return head !== null && Object.entries(Metadata).every(([name, value]) => head.Metadata?.[name] === value);
}
