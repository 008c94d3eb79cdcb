import type { StoredObjectData, StoredObjectList, StoredObjectListQuery, WrittenData } from "@millrace/protocol";
import type { EventSourceMessage } from "eventsource-parser";
import { ApiError, toApiError } from "./api-error.ts";
import { type EndEvent, lastOf, open, type ProgressOptions, toEnd } from "./events.ts";
import { type Api, type CallOptions, segment } from "./request.ts";
import { follow, oneByOne, type StreamSource } from "./stream/follow.ts";

const PATH = "/api/v1/storage";

/** Where an object is, behind the service's address: for links, and for what shows pictures. */
export function objectPath(key: string): string {
  return `${PATH}/objects/${segment(key)}`;
}

/** What is asked of an object. */
export interface ObjectOptions extends CallOptions {
  /** Only a part, as the `Range` header says it: `bytes=0-1023`. */
  readonly range?: string | undefined;
}

/** An object that was written, or why the stream ended. `id` is where to resume right behind it. */
export type ObjectEvent = (WrittenData & { readonly id: string }) | EndEvent;

/** How objects are followed. */
export interface ObjectEventsOptions extends ProgressOptions {
  /** Continues right after this id. */
  readonly lastEventId?: string | undefined;
  /** `now` begins with what is written from now on; without it, with the first object. */
  readonly since?: "now" | undefined;
  readonly stages?: readonly string[] | undefined;
  /** Globs over paths within their stage, or folders. */
  readonly paths?: readonly string[] | undefined;
  readonly extensions?: readonly string[] | undefined;
}

/** Calls about what executions wrote to the object store. The execution in a key may be named by its tag. */
export function storageOf(api: Api) {
  return {
    /** In the order of keys. */
    list: (query: StoredObjectListQuery = {}, call?: CallOptions): Promise<StoredObjectList> =>
      api.json("GET", `${PATH}/objects`, { query, ...call }),
    /** An object, to be read as its caller likes (`text()`, `blob()`, `body`). */
    get: async (key: string, { range, signal }: ObjectOptions = {}): Promise<Response> => {
      let response: Response;
      try {
        response = await api.send(objectPath(key), {
          headers: range === undefined ? {} : { range },
          ...(signal === undefined ? {} : { signal }),
        });
      } catch (error) {
        if (signal?.aborted) throw error;
        throw new ApiError(0, "There is no answer from the service. Is it running?", { cause: error });
      }
      if (!response.ok) throw await toApiError(response);
      return response;
    },
    metadata: (key: string, call?: CallOptions): Promise<StoredObjectData> =>
      api.json("GET", `${objectPath(key)}/metadata`, call),
    /** Follows what executions write, from the first object to the end of the last of them; resumes by itself. */
    events: (ids: readonly string[], options: ObjectEventsOptions = {}): AsyncGenerator<ObjectEvent> => {
      const of = { path: `${PATH}/events`, ids };
      const query = {
        stage: options.stages,
        path: options.paths,
        extension: options.extensions,
        timeout: options.timeoutS,
      };
      const source: StreamSource<ObjectEvent> = {
        open: (cursor, signal) =>
          open(api, of, { ...query, since: cursor === null ? options.since : undefined }, cursor, signal),
        decode: toObjectEvent,
        isLast: lastOf(of),
      };
      return oneByOne(follow(source, options, options.lastEventId ?? null));
    },
  };
}

/** @see storageOf */
export type Storage = ReturnType<typeof storageOf>;

/** Null for types that this client does not know. */
function toObjectEvent(message: EventSourceMessage): ObjectEvent | null {
  if (message.event !== "written") return toEnd(message);
  // The service's own schema says what the data of the type is.
  return { ...(JSON.parse(message.data) as WrittenData), id: message.id ?? "" };
}
