import type {
  CreateTrigger,
  FireTrigger,
  Firing,
  FiringList,
  JsonObject,
  PageQuery,
  Trigger,
  TriggerList,
  TriggerQuery,
  TriggerWithSecret,
  UpdateTrigger,
} from "@millrace/protocol";
import { type Api, type CallOptions, segment } from "./request.ts";

const PATH = "/api/v1/triggers";

/** Calls about what makes runs of configs. */
export function triggersOf(api: Api) {
  const one = (id: string) => `${PATH}/${segment(id)}`;
  return {
    list: (query: TriggerQuery = {}, call?: CallOptions): Promise<TriggerList> =>
      api.json("GET", PATH, { query, ...call }),
    get: (id: string, call?: CallOptions): Promise<Trigger> => api.json("GET", one(id), call),
    /** The answer alone has the secret of a URL that it is called at. */
    create: (body: CreateTrigger, call?: CallOptions): Promise<TriggerWithSecret> =>
      api.json("POST", PATH, { body, ...call }),
    /** What is left out stays as it is. */
    update: (id: string, body: UpdateTrigger, call?: CallOptions): Promise<Trigger> =>
      api.json("PATCH", one(id), { body, ...call }),
    delete: (id: string, call?: CallOptions): Promise<void> => api.json("DELETE", one(id), call),
    /** Sets it off now. */
    fire: (id: string, body: FireTrigger = {}, call?: CallOptions): Promise<Firing> =>
      api.json("POST", `${one(id)}/fire`, { body, ...call }),
    /** Sets one off by the secret of its URL, as others do who know nothing else of the service. */
    call: (id: string, secret: string, payload: JsonObject = {}, call?: CallOptions): Promise<Firing> =>
      api.json("POST", `${one(id)}/${segment(secret)}`, { body: payload, ...call }),
    /** Gives its URL a new secret, which the answer alone has. */
    rotate: (id: string, call?: CallOptions): Promise<TriggerWithSecret> => api.json("POST", `${one(id)}/rotate`, call),
    /** Newest first. */
    firings: (id: string, query: PageQuery = {}, call?: CallOptions): Promise<FiringList> =>
      api.json("GET", `${one(id)}/firings`, { query, ...call }),
  };
}

/** @see triggersOf */
export type TriggersClient = ReturnType<typeof triggersOf>;
