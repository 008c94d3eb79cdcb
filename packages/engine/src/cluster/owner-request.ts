import { randomUUID } from "node:crypto";
import { errorInfoSchema, jsonObjectSchema, type TerminalStatus } from "@millrace/protocol";
import { z } from "zod";
import type { RetryFailures } from "../execution/executions.ts";

const terminal: z.ZodType<TerminalStatus> = z.enum(["completed", "failed", "cancelled"]);

const filter = z.object({
  messageIds: z.array(z.string()).optional(),
  route: z.string().optional(),
  adapter: z.string().optional(),
  code: z.string().optional(),
  retried: z.boolean().optional(),
});

const asked = {
  /** One and the same for a request that is sent again, as its answer was lost. */
  request: z.string(),
  execution: z.string(),
};

/** What the owner of an execution is asked for. */
export const ownerRequestSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("stop"), ...asked, status: terminal, errorInfo: errorInfoSchema.nullable() }),
  z.object({
    kind: z.literal("retry"),
    ...asked,
    filter,
    payload: jsonObjectSchema.optional(),
    payloadMerge: jsonObjectSchema.optional(),
    again: z.boolean().optional(),
    tag: z.string().nullable().optional(),
    pipeline: z
      .object({
        configYaml: z.string(),
        config: z.object({ id: z.string(), name: z.string().nullable(), version: z.number().nullable() }).nullable(),
      })
      .optional(),
  }),
  z.object({ kind: z.literal("progress"), ...asked }),
  z.object({ kind: z.literal("depths"), ...asked }),
]);

/** @see ownerRequestSchema */
export type OwnerRequest = z.infer<typeof ownerRequestSchema>;

/** A retry, as it is sent: of a pipeline what it is compiled from. */
export function retryRequest(executionId: string, asked: RetryFailures): OwnerRequest {
  const { filter, pipeline, ...rest } = asked;
  const { messageIds, ...others } = filter;
  return {
    kind: "retry",
    request: randomUUID(),
    execution: executionId,
    ...rest,
    filter: { ...others, ...(messageIds === undefined ? {} : { messageIds: [...messageIds] }) },
    ...(pipeline === undefined ? {} : { pipeline: { configYaml: pipeline.configYaml, config: pipeline.config } }),
  };
}

/** It is over: its record says how. */
export const stopAnswerSchema = z.object({});

/** What came of a retry: without the record, which whoever asked reads by its id. */
export const retryAnswerSchema = z.object({
  record: z.string().nullable(),
  started: z.boolean(),
  retried: z.number(),
  remaining: z.number(),
  messageIds: z.array(z.string()),
});

/** The fold, as JSON within JSON; null where it is too large to be told. */
export const progressAnswerSchema = z.object({ progress: z.string().nullable() });

/** Messages that are not settled, per route. */
export const depthsAnswerSchema = z.object({ depths: z.record(z.string(), z.number()) });

/** Where a node is asked about the executions that it owns. */
export function ownerSubject(nodeId: string): string {
  return `node.${nodeId}.requests`;
}

/** Where it is told that there are executions that nobody owns. */
export const ORPHANS_SUBJECT = "orphans";
