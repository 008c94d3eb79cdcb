import { MillraceError } from "@millrace/protocol";
import type { z } from "zod";
import type { Bus } from "../bus-port.ts";
import type { NodeRecord, Ownership } from "../ownership-port.ts";
import { decodeEnvelope, encodeEnvelope } from "./envelope.ts";
import { type OwnerRequest, ownerSubject } from "./owner-request.ts";

/** How long an owner is waited for before it is looked who owns the execution by now, in milliseconds. */
const ANSWER_MS = 3_000;

/** Between two tries, in milliseconds: the first, and the longest. */
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 500;

/** Codes after which the owner may be another. */
const MOVED: ReadonlySet<string> = new Set(["EXECUTION_MOVED", "NODE_UNREACHABLE"]);

/**
 * Sends a request to an execution's owner.
 * @throws MillraceError what the owner threw, EXECUTION_MOVED, NODE_UNREACHABLE
 */
export async function askOwner<T>(
  bus: Bus,
  owner: NodeRecord,
  request: OwnerRequest,
  answer: z.ZodType<T>,
): Promise<T> {
  const data = encodeEnvelope(request, bus.maxBytes);
  return decodeEnvelope(await bus.request(ownerSubject(owner.id), data, ANSWER_MS), answer);
}

/** What is tried, by where the execution is. */
export interface Whereabouts<T> {
  /** It is at work on this node. */
  here(): Promise<T>;
  /** Undefined: try again. */
  there(owner: NodeRecord): Promise<T | undefined>;
  /** Nobody owns it, or nobody alive. Undefined: try again. */
  nowhere(): Promise<T | undefined>;
  /** Asked before each try: what there is to say without it. Undefined: nothing. */
  otherwise(): Promise<T | undefined>;
}

/**
 * Finds where an execution is, for as long as it takes while it moves from one node to another, at most `patienceMs`.
 * @throws MillraceError what was thrown there; NODE_UNREACHABLE
 */
export async function whereItIs<T>(
  executionId: string,
  host: { readonly ownership: Ownership; runs(executionId: string): boolean; readonly patienceMs: number },
  tries: Whereabouts<T>,
): Promise<T> {
  const deadline = performance.now() + host.patienceMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      const done = await tryOnce(executionId, host, tries);
      if (done !== undefined) return done;
    } catch (error) {
      if (!(error instanceof MillraceError && MOVED.has(error.code))) throw error;
    }
    if (performance.now() + pauseMs > deadline) {
      throw new MillraceError(
        "NODE_UNREACHABLE",
        `No node that works on execution ${executionId} answers at present. Try again shortly.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function tryOnce<T>(
  executionId: string,
  { ownership, runs }: { readonly ownership: Ownership; runs(executionId: string): boolean },
  { here, there, nowhere, otherwise }: Whereabouts<T>,
): Promise<T | undefined> {
  if (runs(executionId)) return here();
  const known = await otherwise();
  if (known !== undefined) return known;
  const owner = await ownership.ownerOf(executionId);
  if (owner === null || !owner.alive) return nowhere();
  // This node owns it, and is about to take it up.
  if (owner.id === ownership.nodeId) return runs(executionId) ? here() : undefined;
  return there(owner);
}
