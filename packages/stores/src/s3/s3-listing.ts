import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type S3Client,
} from "@aws-sdk/client-s3";
import { isNotImplemented, isNoUpload } from "./s3-problem.ts";

/** An object of a list. */
export interface S3Listed {
  /** With the prefix. */
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  readonly etag: string | null;
  readonly lastModified: Date | null;
}

/**
 * The objects whose keys begin with `prefix`, in the order of the keys' bytes, a page of up to a thousand at a time.
 * Throws the client's own errors.
 */
export async function* listS3Objects(
  client: S3Client,
  Bucket: string,
  Prefix: string,
  pageSize = 1_000,
): AsyncGenerator<readonly S3Listed[]> {
  let ContinuationToken: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({
        Bucket,
        Prefix,
        MaxKeys: pageSize,
        // Some characters that keys may have cannot stand in XML.
        EncodingType: "url",
        ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
      }),
    );
    const encoded = page.EncodingType === "url";
    yield (page.Contents ?? []).flatMap(({ Key, Size, ETag, LastModified }) =>
      Key === undefined
        ? []
        : [
            {
              key: encoded ? decodeURIComponent(Key.replaceAll("+", " ")) : Key,
              size: Size ?? 0,
              etag: ETag ?? null,
              lastModified: LastModified ?? null,
            },
          ],
    );
    ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (ContinuationToken !== undefined);
}

/** Removes every object whose key begins with `prefix`, unfinished uploads first. Throws the client's own errors. */
export async function deleteS3Objects(client: S3Client, Bucket: string, prefix: string): Promise<void> {
  // One that is completed before it is aborted is an object by then, and goes with the others.
  await abortUploads(client, Bucket, prefix);
  for await (const page of listS3Objects(client, Bucket, prefix)) {
    if (page.length === 0) continue;
    const keys = page.map(({ key }) => key);
    try {
      await deleteTogether(client, Bucket, keys);
    } catch (error) {
      if (!isNotImplemented(error)) throw error;
      for (const Key of keys) await client.send(new DeleteObjectCommand({ Bucket, Key }));
    }
  }
}

async function deleteTogether(client: S3Client, Bucket: string, keys: readonly string[]): Promise<void> {
  const Delete = { Objects: keys.map((Key) => ({ Key })), Quiet: true };
  const { Errors } = await client.send(new DeleteObjectsCommand({ Bucket, Delete }));
  // Each by itself, with the retries and the error of its own.
  for (const { Key } of Errors ?? []) {
    if (Key !== undefined) await client.send(new DeleteObjectCommand({ Bucket, Key }));
  }
}

async function abortUploads(client: S3Client, Bucket: string, Prefix: string): Promise<void> {
  let marker: { KeyMarker?: string; UploadIdMarker?: string } = {};
  while (true) {
    let page: Awaited<ReturnType<typeof uploads>>;
    try {
      page = await uploads(client, Bucket, Prefix, marker);
    } catch (error) {
      if (isNotImplemented(error)) return;
      throw error;
    }
    for (const { Key, UploadId } of page.Uploads ?? []) {
      if (Key === undefined || UploadId === undefined || !Key.startsWith(Prefix)) continue;
      await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })).catch((error) => {
        if (!isNoUpload(error)) throw error;
      });
    }
    if (!page.IsTruncated || page.NextKeyMarker === undefined) return;
    marker = {
      KeyMarker: page.NextKeyMarker,
      ...(page.NextUploadIdMarker === undefined ? {} : { UploadIdMarker: page.NextUploadIdMarker }),
    };
  }
}

function uploads(
  client: S3Client,
  Bucket: string,
  Prefix: string,
  marker: { KeyMarker?: string; UploadIdMarker?: string },
) {
  return client.send(new ListMultipartUploadsCommand({ Bucket, Prefix, ...marker }));
}
