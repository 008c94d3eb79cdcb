import type { PageQuery, ProjectList } from "@millrace/protocol";
import type { Api, CallOptions } from "./request.ts";

/** Calls about projects. */
export function projectsOf(api: Api) {
  return {
    /** Those that the credential sees and that there is something of, with how much. */
    list: (query: PageQuery = {}, call?: CallOptions): Promise<ProjectList> =>
      api.json("GET", "/api/v1/projects", { ...call, query }),
  };
}

/** @see projectsOf */
export type Projects = ReturnType<typeof projectsOf>;
