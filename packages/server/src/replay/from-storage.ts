import { AdapterError, type ExecutionRecord, type ObjectStore } from "@millrace/engine";
import { type JsonObject, type JsonValue, MillraceError } from "@millrace/protocol";
import { outlineOf } from "../http/execution-view.ts";
import type { Collected, Replay, Source } from "./collected.ts";

/** One message per object, in the order of their keys. */
export async function fromStorage(
  { objects }: { readonly objects: ObjectStore },
  parent: ExecutionRecord,
  body: Replay,
  collected: Collected,
): Promise<Source> {
  const stage = body.from_stage ?? "";
  const routes = outlineOf(parent).map(({ route }) => route);
  const missing: string[] = [];
  try {
    for (const { route, name } of stagesOf(routes, stage)) {
      const prefix = `executions/${parent.id}/${route}/${name}/${body.from_path ?? ""}`;
      for await (const key of objects.list(prefix)) {
        const object = await objects.get(key);
        if (object === null) missing.push(key);
        else collected.add(payloadOf(key, object));
      }
    }
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    // A path that can be that of no object.
    if (error instanceof AdapterError && !error.retryable)
      throw new MillraceError("NOTHING_TO_REPLAY", error.message, { cause: error });
    throw new MillraceError(
      "SERVICE_UNAVAILABLE",
      `The stored objects cannot be read at present: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  }
  if (missing.length > 0) {
    const named = missing.slice(0, 10).join(", ");
    throw new MillraceError(
      "NOTHING_TO_REPLAY",
      `${missing.length} objects are missing, nothing was started: ${named}`,
    );
  }
  if (collected.size === 0) {
    const where = body.from_path === undefined ? "" : ` whose names begin with "${body.from_path.slice(0, 128)}"`;
    throw new MillraceError(
      "NOTHING_TO_REPLAY",
      `The stage "${stage.slice(0, 128)}" of the execution has no stored objects${where}. Its routes are: ${routes.join(", ")}.`,
    );
  }
  return collected.source();
}

/** A stage is looked for in every route; `route/stage` names one. */
function stagesOf(routes: readonly string[], stage: string): { route: string; name: string }[] {
  const there = routes.map((route) => ({ route, name: stage }));
  for (const route of routes) {
    if (stage.startsWith(`${route}/`)) there.push({ route, name: stage.slice(route.length + 1) });
  }
  // A stage is one part of a key: anything else names no stage.
  return there.filter(({ name }) => name !== "" && name !== "." && name !== ".." && !name.includes("/"));
}

/** The object itself where it is a JSON object, else what is known of it, with its text or value. */
function payloadOf(key: string, { body, metadata }: NonNullable<Awaited<ReturnType<ObjectStore["get"]>>>): JsonObject {
  const { contentType } = metadata;
  const about = { object_key: key, content_type: contentType, size: body.length, created_at: metadata.createdAt };
  if (/^application\/(?:[\w.-]+\+)?json\b/i.test(contentType)) {
    let value: JsonValue;
    try {
      value = JSON.parse(body.toString("utf8"));
    } catch {
      return about;
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) return { ...about, value };
    return value;
  }
  return /^text\//i.test(contentType) ? { ...about, text: body.toString("utf8") } : about;
}
