import { MillraceError } from "@millrace/protocol";

/** What a look at the bucket of `objects_url` found. */
export type BucketProbe = { readonly kind: "usable" } | { readonly kind: "unusable"; readonly message: string };

/** Attempts and milliseconds that a look takes: whoever asks sits before a terminal. */
const PATIENCE = { connectMs: 3_000, silenceMs: 5_000, attempts: 2 } as const;

/** Lists the bucket, writes an object, reads it and deletes it. The message says what to do, and shows no credentials. */
export async function probeBucket(
  url: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<BucketProbe> {
  try {
    // The client's library is large: it is loaded where it is used.
    const { S3ObjectStore } = await import("../s3/index.ts");
    (await S3ObjectStore.open(url, environment, PATIENCE)).close();
    return { kind: "usable" };
  } catch (error) {
    if (error instanceof MillraceError) return { kind: "unusable", message: error.message };
    throw error;
  }
}
