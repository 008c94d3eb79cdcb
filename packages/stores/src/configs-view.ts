import type { ConfigRecord, ConfigVersionRecord, Page, RecordsView } from "@millrace/engine";

/** Configs of all projects, as a store has them. A `project` of null is any. */
export interface StoredConfigs {
  get(project: string | null, id: string): Promise<ConfigRecord | null>;
  list(project: string | null, page: { limit: number; offset: number }): Promise<Page<ConfigRecord>>;
  listVersions(
    project: string | null,
    id: string,
    page: { limit: number; offset: number },
  ): Promise<Page<ConfigVersionRecord>>;
  delete(project: string | null, id: string): Promise<boolean>;
}

/** The configs of one project, or of all. */
export abstract class ConfigsView
  implements Pick<RecordsView, "getConfig" | "listConfigs" | "listConfigVersions" | "deleteConfig">
{
  protected readonly project: string | null;
  readonly #configs: StoredConfigs;

  constructor(configs: StoredConfigs, project: string | null) {
    this.#configs = configs;
    this.project = project;
  }

  getConfig(id: string): Promise<ConfigRecord | null> {
    return this.#configs.get(this.project, id);
  }

  listConfigs(page: { limit: number; offset: number }): Promise<Page<ConfigRecord>> {
    return this.#configs.list(this.project, page);
  }

  listConfigVersions(id: string, page: { limit: number; offset: number }): Promise<Page<ConfigVersionRecord>> {
    return this.#configs.listVersions(this.project, id, page);
  }

  deleteConfig(id: string): Promise<boolean> {
    return this.#configs.delete(this.project, id);
  }
}
