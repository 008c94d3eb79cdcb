import type { ObjectReader, OpenObject, StoredObjects } from "@millrace/engine";
import {
  type JsonObject,
  MillraceError,
  objectListQuerySchema,
  objectListSchema,
  objectQuerySchema,
  storedObjectData,
  storedObjectSchema,
} from "@millrace/protocol";
import { z } from "zod";
import type { ProjectView } from "../../access/project-of.ts";
import { withoutDots } from "../../stream/storage-events-endpoint.ts";
import { type Endpoint, endpoint, errorResponses, validationResponse } from "../endpoint.ts";
import { ValidationFailure } from "../errors.ts";
import { findExecutionId, type RecordsByProject } from "../find-execution.ts";
import { sendObject } from "../object-answer.ts";

/** What the endpoints of the object store stand on. */
export interface StorageEndpointParts {
  readonly records: RecordsByProject;
  readonly objects: ObjectReader;
  readonly storedObjects: StoredObjects;
}

const tag = "Storage";
const params = z.object({
  key: z
    .string()
    .describe(
      "`executions/{execution}/{route}/{stage}/{name}`, slashes as they are or as `%2F`; the execution may be a tag",
    ),
});
const METADATA = "/metadata";

/** `/api/v1/storage/objects`. */
export function storageEndpoints({ records, objects, storedObjects }: StorageEndpointParts): Endpoint[] {
  /** A key or prefix with the id of the execution that it names by its tag. Null where there is no such execution. */
  const resolve = async (view: ProjectView, key: string): Promise<string | null> => {
    const [root, execution, ...rest] = key.split("/");
    if (root !== "executions" || execution === undefined) return null;
    const found = await records.inProject(view.project).findExecution(execution);
    return found === null ? null : [root, found.id, ...rest].join("/");
  };
  const open = async (view: ProjectView, asked: string): Promise<{ key: string; object: OpenObject } | null> => {
    const key = await resolve(view, asked);
    const object = key === null ? null : await objects.open(key);
    return key === null || object === null ? null : { key, object };
  };
  const show = async ({ key, object }: { key: string; object: OpenObject }): Promise<JsonObject> => {
    await object.close();
    const { size, sha256, metadata } = object;
    const { contentType, messageId = null } = metadata;
    const createdAt = timeOf(metadata.createdAt);
    return storedObjectData({ key, size, contentType, sha256, messageId, createdAt });
  };
  return [
    endpoint({
      method: "GET",
      path: "/api/v1/storage/objects",
      access: "read",
      summary: "List objects",
      description:
        "In the order of their keys; those that messages wrote, of executions that are there. `cursor` is for long lists: `offset` counts, a cursor goes on at once.",
      tag,
      query: objectListQuerySchema,
      responses: {
        200: { description: "A page of objects", schema: objectListSchema },
        ...errorResponses("EXECUTION_NOT_FOUND", "SERVICE_UNAVAILABLE"),
        ...validationResponse,
      },
      handler: async ({ query, view }) => {
        const { limit, offset, stage: stages, delimiter } = query;
        const extensions = withoutDots(query.extension);
        const prefix = await prefixOf(view, query.prefix, query.execution_id);
        const after = query.cursor === undefined || query.cursor === "" ? null : query.cursor;
        if (after !== null && !after.startsWith(prefix ?? after)) throw badCursor(after);
        const page =
          prefix === null
            ? { total: 0, objects: [], folders: [], next: null }
            : await storedObjects.list({
                project: view.project,
                prefix,
                stages,
                extensions,
                folders: delimiter !== undefined,
                after,
                offset,
                limit,
              });
        return {
          total: page.total,
          limit,
          offset,
          has_more: page.next !== null,
          next_cursor: page.next,
          folders: page.folders,
          objects: page.objects.map(storedObjectData),
        };
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/storage/objects/{key}",
      access: "read",
      rest: "key",
      summary: "Get an object",
      description:
        "Its bytes, with its type. `Range`, `If-Range`, `If-None-Match`, `If-Match` and their dates as in RFC 9110; a request for several ranges is answered with the whole. The `ETag` is the SHA-256 of the bytes. A browser shows it in a sandbox.",
      tag,
      params,
      query: objectQuerySchema,
      responses: {
        200: {
          description: "The object",
          contentType: "*/*",
          schema: z.string().meta({ format: "binary" }),
        },
        206: {
          description: "The part that was asked for",
          contentType: "*/*",
          schema: z.string().meta({ format: "binary" }),
        },
        304: { description: "What the client has is what there is" },
        ...errorResponses("OBJECT_NOT_FOUND", "PRECONDITION_FAILED", "RANGE_NOT_SATISFIABLE", "SERVICE_UNAVAILABLE"),
        ...validationResponse,
      },
      handler: async ({ params: { key: asked }, query: { download }, view, request, reply }) => {
        // An object has no folder beside it of the same name: at most one of the two is there.
        if (asked.endsWith(METADATA)) {
          const described = await open(view, asked.slice(0, -METADATA.length));
          if (described !== null) return show(described);
        }
        const found = await open(view, asked);
        if (found === null) throw notFound(asked);
        return sendObject(request, reply, { ...found, download });
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/storage/objects/{key}/metadata",
      access: "read",
      // Answered by the one above, whose key goes to the end of the path.
      routed: false,
      summary: "Describe an object",
      tag,
      params,
      responses: {
        200: { description: "The object, without its bytes", schema: storedObjectSchema },
        ...errorResponses("OBJECT_NOT_FOUND", "SERVICE_UNAVAILABLE"),
      },
      handler: async ({ params: { key }, view }) => {
        const found = await open(view, key);
        if (found === null) throw notFound(key);
        return show(found);
      },
    }),
  ];

  /** What keys begin with that fit both; null where none can. */
  async function prefixOf(
    view: ProjectView,
    prefix: string,
    executionIdOrTag: string | undefined,
  ): Promise<string | null> {
    // The last part may be the beginning of an id; what a slash follows is a whole one, or a tag.
    const whole = prefix.split("/").length > 2;
    const resolved = whole ? await resolve(view, prefix) : prefix;
    if (executionIdOrTag === undefined) return resolved;
    const own = `executions/${(await findExecutionId(records, view, executionIdOrTag)).id}/`;
    if (resolved === null) return null;
    if (resolved.startsWith(own)) return resolved;
    return own.startsWith(resolved) ? own : null;
  }
}

function notFound(key: string): MillraceError {
  return new MillraceError("OBJECT_NOT_FOUND", `There is no object "${key.slice(0, 200)}".`);
}

function badCursor(cursor: string): ValidationFailure {
  const error = "it is none of this list";
  return new ValidationFailure([
    {
      loc: ["query", "cursor"],
      msg: `Value error, the cursor cannot be gone on from: ${error}`,
      type: "value_error",
      input: cursor.slice(0, 200),
      ctx: { error },
    },
  ]);
}

/** What an adapter of one's own gave for a time may be none. */
function timeOf(text: string): string {
  const time = Date.parse(text);
  return new Date(Number.isNaN(time) ? 0 : time).toISOString();
}
