import { ERROR_CODES, type ErrorCode, MillraceError } from "@millrace/protocol";
import { z } from "zod";
import { decodeEnvelope, type Envelope, encodeEnvelope } from "../envelope.ts";

const size = z.int().nonnegative();

/** What one asks: with the first part of a body of so many bytes, or all of it. */
const requestSchema = z.object({
  kind: z.literal("request"),
  bytes: size,
  /** How long the answer is waited for, in milliseconds. */
  timeout_ms: z.number().positive(),
});

/** What is sent to whoever has a body under way. */
const replySchema = z.discriminatedUnion("kind", [
  /** The sender of a body may send it up to this byte. */
  z.object({ kind: z.literal("grant"), up_to: size }),
  /** A further part of a body, from this byte. */
  z.object({ kind: z.literal("part"), at: size }),
  /** The answer: with the first part of a body of so many bytes, or all of it. */
  z.object({ kind: z.literal("answer"), bytes: size }),
  /** What the other side threw. */
  z.object({
    kind: z.literal("error"),
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
]);

/** The head of a request. */
export type RequestHead = z.infer<typeof requestSchema>;

/** The head of anything else that goes to and fro about it. */
export type ReplyHead = z.infer<typeof replySchema>;

export function encodeRequest(head: RequestHead, body: Uint8Array): Buffer {
  return encodeEnvelope(head, [body]);
}

/** @throws MillraceError NODE_UNREACHABLE where it cannot be read */
export function decodeRequest(data: Uint8Array): Envelope<RequestHead> {
  return decodeEnvelope(data, requestSchema, "A request");
}

export function encodeReply(head: ReplyHead, body: Uint8Array = new Uint8Array()): Buffer {
  return encodeEnvelope(head, [body]);
}

/** @throws MillraceError NODE_UNREACHABLE where it cannot be read */
export function decodeReply(data: Uint8Array): Envelope<ReplyHead> {
  return decodeEnvelope(data, replySchema, "An answer");
}

/** The envelope of what a handler threw: whatever has no code of the registry is a fault of the node's. */
export function encodeError(thrown: unknown): Buffer {
  const error =
    thrown instanceof MillraceError
      ? thrown
      : new MillraceError("INTERNAL", thrown instanceof Error ? thrown.message : String(thrown));
  const { code, message, details } = error;
  return encodeReply({ kind: "error", code, message, ...(details === undefined ? {} : { details }) });
}

/** The error as it was thrown on the other node. */
export function toError({ code, message, details }: Extract<ReplyHead, { kind: "error" }>): MillraceError {
  const options = details === undefined ? {} : { details };
  // A newer node may have codes that this one does not.
  return isCode(code)
    ? new MillraceError(code, message, options)
    : new MillraceError("INTERNAL", `${message} (${code})`, options);
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
