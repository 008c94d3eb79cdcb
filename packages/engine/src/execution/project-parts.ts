import { cacheInProject } from "../cache-in-project.ts";
import type { ContentCache } from "../cache-port.ts";
import type { ObjectStore, Records } from "../ports.ts";
import type { SearchIndex, SearchIndexes } from "../search-port.ts";
import { ProjectObjects } from "./project-objects.ts";

/** What there is of which an execution may reach its project's part alone. */
export interface SharedByProjects {
  readonly records: Pick<Records, "inProject">;
  readonly objects: ObjectStore;
  readonly search?: SearchIndexes;
  readonly cache?: ContentCache;
}

/** What the steps of an execution reach of what all projects' share. */
export function partsOfProject(
  { records, objects, search, cache }: SharedByProjects,
  project: string,
  executionId: string,
): { readonly objects: ObjectStore; readonly search: SearchIndex | null; readonly cache: ContentCache | null } {
  return {
    objects: new ProjectObjects(objects, records.inProject(project), executionId),
    search: search?.inProject(project) ?? null,
    cache: cache === undefined ? null : cacheInProject(cache, project),
  };
}
