import type {
  Collection,
  CollectionField,
  CollectionSettings,
  Page,
  SearchDocument,
  SearchIndex,
  SearchPage,
  SearchQuery,
} from "@millrace/engine";
import { DEFAULT_PROJECT, MillraceError } from "@millrace/protocol";

/** Collections by the names that they are kept under. */
export interface KeptCollections extends Omit<SearchIndex, "collections" | "collection"> {
  /** Of those whose names begin so: `""` all of them; null those of the default project, which begin with no project. */
  collections(
    prefix: string | null,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<Page<KeptCollection>>;
  collection(name: string): Promise<KeptCollection | null>;
  /** The names that end so, sorted. */
  namesThatEnd(end: string): Promise<string[]>;
}

/** A collection as it is kept, whose name says whose it is. */
export type KeptCollection = Omit<Collection, "project">;

/** Stands in no name of a collection or a project. */
const BETWEEN = "/";

/**
 * The collections of one project, or of all, over those that are kept: one of another project than `default` is kept as
 * `project/name`.
 */
export class ProjectIndex implements SearchIndex {
  readonly #kept: KeptCollections;
  readonly #project: string | null;

  constructor(kept: KeptCollections, project: string | null) {
    this.#kept = kept;
    this.#project = project;
  }

  put(name: string, settings: CollectionSettings, documents: readonly SearchDocument[]): Promise<void> {
    const kept = keptName(this.#project ?? DEFAULT_PROJECT, name);
    return shown(kept, name, () => this.#kept.put(kept, settings, documents));
  }

  async search(name: string, query: SearchQuery): Promise<SearchPage> {
    const kept = await this.#find(name);
    return shown(kept, name, () => this.#kept.search(kept, query));
  }

  async collections(page: { readonly limit: number; readonly offset: number }): Promise<Page<Collection>> {
    const project = this.#project;
    const prefix = project === null ? "" : project === DEFAULT_PROJECT ? null : `${project}${BETWEEN}`;
    const { total, items } = await this.#kept.collections(prefix, page);
    return { total, items: items.map(toCollection) };
  }

  async collection(name: string): Promise<Collection | null> {
    const found = await this.#kept.collection(await this.#find(name));
    return found === null ? null : toCollection(found);
  }

  async fields(name: string): Promise<readonly CollectionField[] | null> {
    return this.#kept.fields(await this.#find(name));
  }

  async deleteCollection(name: string): Promise<boolean> {
    return this.#kept.deleteCollection(await this.#find(name));
  }

  /** What it is kept as: over all projects the default one's comes first, else it must be the only one. */
  async #find(name: string): Promise<string> {
    if (this.#project !== null) return keptName(this.#project, name);
    if (name.includes(BETWEEN) || (await this.#kept.collection(name)) !== null) return name;
    const [only, another] = await this.#kept.namesThatEnd(`${BETWEEN}${name}`);
    return only === undefined || another !== undefined ? name : only;
  }
}

/** How many collections each project has. */
export async function countByProject(
  kept: KeptCollections,
  project: string | null,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const name of await kept.namesThatEnd("")) {
    const [own] = toNames(name);
    if (project === null || own === project) counts.set(own, (counts.get(own) ?? 0) + 1);
  }
  return counts;
}

function keptName(project: string, name: string): string {
  return project === DEFAULT_PROJECT ? name : `${project}${BETWEEN}${name}`;
}

function toCollection(kept: KeptCollection): Collection {
  const [project, name] = toNames(kept.name);
  return { ...kept, project, name };
}

/** Of a project, and of a collection in it. */
function toNames(kept: string): [string, string] {
  const at = kept.indexOf(BETWEEN);
  return at < 0 ? [DEFAULT_PROJECT, kept] : [kept.slice(0, at), kept.slice(at + 1)];
}

/** Errors name a collection as whoever asked named it. */
async function shown<T>(kept: string, name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (kept === name || !(error instanceof MillraceError)) throw error;
    throw new MillraceError(error.code, error.message.replaceAll(`"${kept}"`, `"${name}"`), { cause: error });
  }
}
