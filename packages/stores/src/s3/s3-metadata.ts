import type { ObjectMetadata } from "@millrace/engine";

/** What is kept beside an object, and the hash of its bytes. */
export interface S3Metadata {
  readonly metadata: ObjectMetadata;
  /** SHA-256, in hexadecimal. */
  readonly sha256: string;
}

/** What a write sends of it. */
export interface S3Headers {
  readonly ContentType: string;
  readonly Metadata: Record<string, string>;
}

const OCTETS = "application/octet-stream";

/** As headers: plain where they can be; header values are ASCII, so others are percent-encoded. */
export function toHeaders({ metadata, sha256 }: S3Metadata): S3Headers {
  const { contentType, messageId, createdAt } = metadata;
  const plain = isPlain(contentType);
  return {
    ContentType: plain ? contentType : (/^[\w.+-]+\/[\w.+-]+/.exec(contentType)?.[0] ?? OCTETS),
    Metadata: {
      sha256,
      "created-at": createdAt,
      ...(messageId === undefined ? {} : { "message-id": encodeURIComponent(messageId) }),
      ...(plain ? {} : { "content-type": encodeURIComponent(contentType) }),
    },
  };
}

/** Null where it was not written by {@link toHeaders}: then it is no object of ours. */
export function fromHeaders(
  contentType: string | undefined,
  kept: Record<string, string> | undefined,
): S3Metadata | null {
  const { sha256, "created-at": createdAt, "message-id": messageId, "content-type": odd } = kept ?? {};
  if (sha256 === undefined || createdAt === undefined || !/^[0-9a-f]{64}$/.test(sha256)) return null;
  return {
    sha256,
    metadata: {
      contentType: odd === undefined ? (contentType ?? OCTETS) : decoded(odd),
      createdAt,
      ...(messageId === undefined ? {} : { messageId: decoded(messageId) }),
    },
  };
}

function isPlain(text: string): boolean {
  return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
