import { MillraceError } from "@millrace/protocol";
import { z } from "zod";

/** The version of all envelopes that this Millrace writes, and the only one that it reads. */
export const ENVELOPE_VERSION = 1;

/** The length of the head, u32, little-endian; the head as JSON; the body as it is. */
const LENGTH_BYTES = 4;

const versionSchema = z.object({ v: z.number() });

/** What was sent from one node to another. */
export interface Envelope<Head> {
  readonly head: Head;
  /** A view of the message's own bytes. */
  readonly body: Buffer;
}

/** An envelope's bytes; `bodies` one after the other. The version goes into the head, ahead of all else. */
export function encodeEnvelope(head: object, bodies: readonly Uint8Array[] = []): Buffer {
  const json = Buffer.from(JSON.stringify({ v: ENVELOPE_VERSION, ...head }));
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json, ...bodies]);
}

/**
 * Reads an envelope. Fields of the head that the schema does not name are left out: a newer node may send more.
 * @throws MillraceError NODE_UNREACHABLE where it is of another version, or no envelope; `what` says what it is of
 */
export function decodeEnvelope<Head>(data: Uint8Array, schema: z.ZodType<Head>, what: string): Envelope<Head> {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const json = parseHead(bytes);
  const version = versionSchema.safeParse(json).data?.v;
  if (version === undefined) throw unreadable(`${what} that another node sent is no envelope of Millrace's.`);
  if (version !== ENVELOPE_VERSION) {
    throw unreadable(
      `${what} that another node sent is of version ${version}; this node reads version ${ENVELOPE_VERSION}. Bring all nodes of the service to the same version of Millrace.`,
    );
  }
  const head = schema.safeParse(json);
  if (!head.success) {
    const [issue] = head.error.issues;
    throw unreadable(
      `${what} that another node sent does not have the form of version ${version}: ${issue?.path.join(".")}: ${issue?.message}. Bring all nodes of the service to the same version of Millrace.`,
    );
  }
  return { head: head.data, body: bytes.subarray(LENGTH_BYTES + bytes.readUInt32LE()) };
}

function parseHead(bytes: Buffer): unknown {
  if (bytes.length < LENGTH_BYTES) return null;
  const end = LENGTH_BYTES + bytes.readUInt32LE();
  if (end > bytes.length) return null;
  try {
    return JSON.parse(bytes.toString("utf8", LENGTH_BYTES, end));
  } catch {
    return null;
  }
}

function unreadable(message: string): MillraceError {
  return new MillraceError("NODE_UNREACHABLE", message);
}
