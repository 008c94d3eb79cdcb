import { usageSchema } from "@millrace/protocol";
import { z } from "zod";
import type { ObjectChange } from "../ports.ts";
import type { RemoteProgress } from "../route/flow.ts";

/** A task of the work queue: where a message is to be had, which its owner has no room for. */
export const taskSchema = z.object({
  /** The owner's node id. */
  owner: z.string(),
  execution: z.string(),
  /** What the message is asked for by; another one each time that it is offered. */
  offer: z.string(),
});

/** @see taskSchema */
export type Task = z.infer<typeof taskSchema>;

const objectChange: z.ZodType<ObjectChange> = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("written"),
    object: z.object({
      key: z.string(),
      size: z.number(),
      contentType: z.string(),
      sha256: z.string(),
      messageId: z.string().nullable(),
      createdAt: z.string(),
    }),
  }),
  z.object({ kind: z.literal("removed"), prefix: z.string() }),
  z.object({ kind: z.literal("missing"), key: z.string() }),
]);

const counts = z.record(z.string(), z.number());

const made: z.ZodType<RemoteProgress> = z.object({
  began: z.array(z.object({ index: z.number(), at: z.string() })),
  messages: z.array(z.object({ id: z.string(), route: z.string(), payloadJson: z.string() })),
  outputs: z.number(),
  objects: z.array(objectChange),
  usage: z.array(usageSchema.extend({ adapter: z.string(), adapter_index: z.number() })).default([]),
});

const inSession = {
  /** Of one worker's attempt: what an older one says counts for nothing. */
  session: z.string(),
  /** Counts what a session says, from 1: what comes twice counts once. */
  n: z.number(),
  /** Whether another part follows, with which alone it counts. */
  more: z.boolean(),
  made,
};

/** What the worker on a message tells its owner, or asks it for. */
export const flowRequestSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("begin"), offer: z.string(), session: z.string(), worker: z.string() }),
  z.object({ kind: z.literal("made"), ...inSession }),
  z.object({ kind: z.literal("done"), ...inSession }),
  z.object({
    kind: z.literal("failed"),
    ...inSession,
    error: z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }),
    step: z.number().nullable(),
  }),
  /** The worker does not go on with it; `elsewhere`: another may, as what it makes can be told. */
  z.object({ kind: z.literal("returned"), session: z.string(), elsewhere: z.boolean() }),
  z.object({ kind: z.literal("alive"), sessions: z.array(z.string()) }),
  z.object({ kind: z.literal("late"), execution: z.string(), change: objectChange }),
]);

/** @see flowRequestSchema */
export type FlowRequest = z.infer<typeof flowRequestSchema>;

/** What a worker works on; null where it is nothing any more, or (`busy`) another is at work on it. */
export const beginAnswerSchema = z.object({
  busy: z.boolean(),
  flow: z
    .object({
      execution: z.string(),
      root: z.string(),
      message: z.object({
        seq: z.number(),
        id: z.string(),
        parentId: z.string().nullable(),
        route: z.string(),
        payloadJson: z.string(),
        attempt: z.number(),
        failures: z.number(),
        dueAt: z.number(),
        hops: z.number(),
        emittedOutputs: z.number(),
        emitted: counts,
        interruptions: z.number(),
      }),
      /** Places of adapters that began in this attempt before. */
      ran: z.array(z.number()),
      maxPayloadBytes: z.number(),
      maxEmitsPerStep: z.number(),
    })
    .nullable(),
});

/** Whether the session still counts, and is committed; `abort`: it is to stop. */
export const madeAnswerSchema = z.object({
  gone: z.boolean(),
  abort: z.enum(["timeout", "cancelled", "abandoned"]).nullable(),
});

/** Sessions that do not count any more, and those that are to stop. */
export const aliveAnswerSchema = z.object({ gone: z.array(z.string()), cancelled: z.array(z.string()) });

/** What an owner tells a worker. */
export const abortSchema = z.object({ session: z.string(), cause: z.enum(["timeout", "cancelled", "abandoned"]) });

/** Where the owner is asked. */
export function flowsSubject(nodeId: string): string {
  return `node.${nodeId}.flows`;
}

/** Where a worker is told to stop. */
export function abortsSubject(nodeId: string): string {
  return `node.${nodeId}.aborts`;
}
