import { gunzipSync, gzipSync } from "node:zlib";
import { MillraceError } from "@millrace/protocol";
import { z } from "zod";

/** The version of what nodes say to each other: raised when a node of before could misunderstand what is said. */
export const WIRE_VERSION = 1;

const PLAIN = 0;
const PACKED = 1;

/** Longer ones are packed, in bytes. */
const PACK_ABOVE_BYTES = 16 * 1024;

const versioned = z.object({ v: z.number().int() });

/**
 * A value as it goes from node to node: a byte that says whether it is packed, then JSON.
 * @throws MillraceError PAYLOAD_TOO_LARGE where it does not get through
 */
export function encodeEnvelope(value: Readonly<Record<string, unknown>>, maxBytes: number): Uint8Array {
  const json = Buffer.from(JSON.stringify({ v: WIRE_VERSION, ...value }));
  const packed = json.byteLength > PACK_ABOVE_BYTES;
  const body = packed ? gzipSync(json, { level: 1 }) : json;
  if (body.byteLength + 1 > maxBytes) {
    throw new MillraceError(
      "PAYLOAD_TOO_LARGE",
      `What one node has to tell another has ${body.byteLength + 1} bytes; ${maxBytes} get through. Let the message broker take larger messages (max_payload).`,
    );
  }
  return Buffer.concat([Uint8Array.of(packed ? PACKED : PLAIN), body]);
}

/**
 * Reads what {@link encodeEnvelope} made, on a node of any version; fields that are not known are left out.
 * @throws MillraceError SERVICE_UNAVAILABLE where it is of a version, or of a kind, that this one does not know
 */
export function decodeEnvelope<T>(data: Uint8Array, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    const body = data.subarray(1);
    value = JSON.parse(Buffer.from(data[0] === PACKED ? gunzipSync(body) : body).toString("utf8"));
  } catch (error) {
    throw unknown("is not readable", error);
  }
  const head = versioned.safeParse(value);
  if (!head.success || head.data.v !== WIRE_VERSION) {
    throw unknown(`is of version ${head.data?.v ?? "unknown"}, and this node knows version ${WIRE_VERSION}`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw unknown("is of a kind that this node does not know", parsed.error);
  return parsed.data;
}

function unknown(why: string, cause?: unknown): MillraceError {
  return new MillraceError(
    "SERVICE_UNAVAILABLE",
    `What another node said ${why}. Are nodes of very different versions at work?`,
    { cause },
  );
}
