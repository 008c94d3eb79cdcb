import type { SearchIndexes } from "@millrace/engine";
import { DEFAULT_PROJECT, pageQuerySchema, projectListSchema } from "@millrace/protocol";
import { type Endpoint, endpoint, errorResponses, validationResponse } from "../endpoint.ts";
import type { RecordsByProject } from "../find-execution.ts";
import { pageOf } from "../page.ts";

/** What the projects' endpoint stands on. */
export interface ProjectEndpointParts {
  readonly records: RecordsByProject;
  readonly search: Pick<SearchIndexes, "countByProject">;
}

const NOTHING = { configs: 0, executions: 0, running: 0, triggers: 0, webhooks: 0 };

/** `/api/v1/projects`. */
export function projectEndpoints({ records, search }: ProjectEndpointParts): Endpoint[] {
  return [
    endpoint({
      method: "GET",
      path: "/api/v1/projects",
      access: "read",
      summary: "List projects",
      description:
        "Those that the credential sees and that there is something of, by name, with how much; and its own, or `default`, in any case.",
      tag: "Projects",
      query: pageQuerySchema,
      responses: {
        200: { description: "A page of projects", schema: projectListSchema },
        ...errorResponses("SERVICE_UNAVAILABLE"),
        ...validationResponse,
      },
      handler: async ({ query, view }) => {
        const [counted, collections] = await Promise.all([
          records.inProject(view.project).projects(),
          search.countByProject(view.project),
        ]);
        const byName = new Map(counted.map((counts) => [counts.name, counts]));
        const names = new Set([view.project ?? DEFAULT_PROJECT, ...byName.keys(), ...collections.keys()]);
        const all = [...names].sort().map((name) => ({
          ...NOTHING,
          ...byName.get(name),
          name,
          collections: collections.get(name) ?? 0,
        }));
        const items = all.slice(query.offset, query.offset + query.limit);
        return pageOf("projects", query, { total: all.length, items });
      },
    }),
  ];
}
