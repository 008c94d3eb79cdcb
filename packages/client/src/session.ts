import type { CreateSession, SessionView } from "@millrace/protocol";
import type { Api, CallOptions } from "./request.ts";

const PATH = "/api/v1/session";

/** Calls about who asks. A login is for browsers: what it gives is a cookie. */
export function sessionOf(api: Api) {
  return {
    /** Who asks, and what they may do; with 401, the error's body has `login_methods`. */
    get: (call?: CallOptions): Promise<SessionView> => api.json("GET", PATH, call),
    create: (body: CreateSession = {}, call?: CallOptions): Promise<SessionView> =>
      api.json("POST", PATH, { body, ...call }),
    delete: (call?: CallOptions): Promise<void> => api.json("DELETE", PATH, call),
  };
}

/** @see sessionOf */
export type SessionClient = ReturnType<typeof sessionOf>;
