import type { ExecutionRecord, Executions, Ids, KeptMessages, ObjectStore, Pipeline } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { Collected, type Replay, type Source } from "./collected.ts";
import { fromKept } from "./from-kept.ts";
import { fromStorage } from "./from-storage.ts";

/** What replays stand on. */
export interface ReplayParts {
  readonly executions: Executions;
  readonly kept: KeptMessages;
  readonly objects: ObjectStore;
  readonly ids: Ids;
  readonly maxPayloadBytes: number;
}

/**
 * Starts an execution that does a part of another one again. All that it begins with is read before anything starts.
 * @throws MillraceError NOTHING_TO_REPLAY, PAYLOADS_MISSING, TOO_MANY_MESSAGES, ROUTE_NOT_IN_PIPELINE, PAYLOAD_TOO_LARGE,
 * CONFIG_INVALID, SERVICE_UNAVAILABLE, and what starting an execution throws
 */
export async function replay(
  parts: ReplayParts,
  parent: ExecutionRecord,
  body: Replay,
  pipeline: Pipeline,
): Promise<ExecutionRecord> {
  const names = pipeline.definition.routes.map(({ route }) => route);
  if (!names.includes(body.to_route)) {
    throw new MillraceError(
      "ROUTE_NOT_IN_PIPELINE",
      `The pipeline has no route "${body.to_route.slice(0, 128)}". It has: ${names.join(", ")}.`,
    );
  }
  const root = parts.ids.uuid();
  const { ids, maxPayloadBytes } = parts;
  const collected = new Collected({ executionId: parent.id, route: body.to_route, root, ids, maxPayloadBytes });
  const { first, notes } = await sourceOf(parts, parent, body, collected);
  const { record } = await parts.executions.start({
    ...pipeline,
    project: parent.project,
    tag: body.tag ?? null,
    rootCorrelationId: root,
    origin: { executionId: parent.id, source: body.replay_source },
    first,
    metadata: {
      ...body.metadata,
      replay: {
        execution_id: parent.id,
        to_route: body.to_route,
        messages: first.messages.length + first.copies.length,
        ...(body.from_stage === undefined ? {} : { from_stage: body.from_stage }),
        ...(body.from_path === undefined ? {} : { from_path: body.from_path }),
        ...notes,
      },
    },
  });
  return record;
}

function sourceOf(
  parts: ReplayParts,
  parent: ExecutionRecord,
  body: Replay,
  collected: Collected,
): Promise<Source> | Source {
  switch (body.replay_source) {
    case "storage":
      return fromStorage(parts, parent, body, collected);
    case "lineage":
      return fromKept(parts, parent, body, collected);
    case "manual":
      for (const payload of body.payloads ?? []) collected.add(payload);
      return collected.source();
  }
}
