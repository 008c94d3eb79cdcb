import { objectEventsQuery } from "@millrace/protocol";
import { z } from "zod";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { ObjectFilter } from "./object-filter.ts";
import {
  MAX_EXECUTIONS_PER_STREAM,
  openStream,
  pickCursor,
  type StreamParts,
  streamErrors,
  streamHeaders,
  streamQuery,
} from "./open-stream.ts";

const description = `Pushed as objects are written: \`event: written\` with the object's key, size, type, SHA-256 and message, as \`GET /storage/objects\` lists it; never its bytes.

As the stream of an execution's events: without a cursor it begins with the first object, \`Last-Event-ID\` continues right after an id, each execution's \`end\` names it, and the stream closes after the last one's, unless \`keep_open\` is set. An object that is written again is told of again.`;

/** `GET /api/v1/storage/events`. `parts.journal` is the objects' own. */
export function storageEventsEndpoint(parts: StreamParts): Endpoint {
  return endpoint({
    method: "GET",
    path: "/api/v1/storage/events",
    access: "read",
    counts: "stream",
    summary: "Stream what executions write to the object store",
    description,
    tag: "Storage",
    query: z.object({
      execution_id: z
        .array(z.string())
        .min(1)
        .max(MAX_EXECUTIONS_PER_STREAM)
        .describe("Once per execution: its id, or its tag"),
      ...objectEventsQuery,
      ...streamQuery,
    }),
    headers: streamHeaders,
    responses: {
      200: {
        description: "The objects, pushed as they are written",
        contentType: "text/event-stream",
        schema: z.string(),
        example:
          'retry: 3417\nevent: written\ndata: {"key":"executions/0198…/store/sections/a.json","execution_id":"0198…","route":"store","stage":"sections","name":"a.json","size":312,"content_type":"application/json",…}\nid: 57\n\n',
      },
      ...streamErrors,
    },
    handler: ({ query, headers: { "last-event-id": header }, view, request, reply }) =>
      openStream(parts, request, reply, {
        names: query.execution_id,
        many: true,
        cursor: pickCursor(header, query.last_event_id),
        since: query.since ?? null,
        timeoutMs: query.timeout * 1000,
        view,
        shows: "events",
        filter: ObjectFilter.of({ stages: query.stage, paths: query.path, extensions: withoutDots(query.extension) }),
        keepOpen: query.keep_open,
        errors: [],
      }),
  });
}

/** `.json` and `json` are the same. */
export function withoutDots(extensions: readonly string[]): string[] {
  return extensions.map((extension) => extension.replace(/^\.+/, "")).filter((extension) => extension !== "");
}
