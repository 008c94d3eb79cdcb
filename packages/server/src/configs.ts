import { hash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Clock, ConfigRecord, Ids, LoadedDefinition, Records } from "@millrace/engine";
import {
  type Config,
  type ConfigSummary,
  type createConfigSchema,
  DEFAULT_PROJECT,
  MillraceError,
  type SourceType,
  type updateConfigSchema,
} from "@millrace/protocol";
import type { z } from "zod";
import { type ProjectView, viewOf } from "./access/project-of.ts";

/** What the configs stand on. */
export interface ConfigParts {
  readonly records: Records;
  readonly clock: Clock;
  readonly ids: Ids;
  loadDefinition(yaml: string, project?: string): Promise<LoadedDefinition>;
  /** Whether what a definition was loaded with is still so; without it secrets do not change. */
  secretsAreStill?(secrets: ReadonlyMap<string, string>, project?: string): Promise<boolean>;
}

/** Characters of pipelines whose definitions are remembered: lists derive each config's report anew. */
const REMEMBERED_CHARACTERS = 16 * 1024 * 1024;

/** Configs: stored with all their versions, whatever their findings. */
export class Configs {
  readonly #parts: ConfigParts;
  readonly #loaded = new Map<string, LoadedDefinition>();
  #remembered = 0;
  /** The last change that was asked for: each reads the version that the one before it made. */
  #change: Promise<unknown> = Promise.resolve();

  constructor(parts: ConfigParts) {
    this.#parts = parts;
  }

  /**
   * Stores a new config. One with findings is stored all the same, so that no work is lost.
   * @throws MillraceError CONFIG_UNPARSABLE; with no name in the body nor in the YAML `null` is returned
   */
  create(view: ProjectView, input: z.output<typeof createConfigSchema>): Promise<Config | null> {
    return this.#create(view, input, false);
  }

  async #create(
    { projectForNew: project }: ProjectView,
    input: z.output<typeof createConfigSchema>,
    soleOfPath: boolean,
  ): Promise<Config | null> {
    const loaded = await this.#loadParsable(input.config_yaml, project);
    const name = input.name ?? loaded.name;
    if (name === null || name === "") return null;
    const now = this.#now();
    const record: ConfigRecord = {
      id: this.#parts.ids.uuid(),
      project,
      name,
      description: input.description ?? null,
      sourceType: input.source_type,
      sourcePath: input.source_path ?? null,
      configYaml: input.config_yaml,
      configHash: hash("sha256", input.config_yaml),
      version: 1,
      createdAt: now,
      updatedAt: now,
      isActive: true,
    };
    await this.#parts.records.putConfig(record, { soleOfPath });
    return this.show(record);
  }

  /**
   * Stores a config's next version.
   * @throws MillraceError CONFIG_NOT_FOUND, CONFIG_CHANGED, CONFIG_UNPARSABLE
   */
  update(view: ProjectView, id: string, input: z.output<typeof updateConfigSchema>): Promise<Config> {
    // Another process may come in between: then once more, on what it has made of the config.
    const update = () => this.#update(view, id, input);
    const changed = this.#change.then(() =>
      input.expected_version === undefined ? againWhereChanged(update) : update(),
    );
    this.#change = changed.catch(() => {});
    return changed;
  }

  async #update(view: ProjectView, id: string, input: z.output<typeof updateConfigSchema>): Promise<Config> {
    const known = await this.find(view, id);
    if (input.expected_version !== undefined && input.expected_version !== known.version)
      throw new MillraceError(
        "CONFIG_CHANGED",
        `The config "${known.name}" has version ${known.version} by now, not ${input.expected_version}: somebody else has stored one. Read it anew, and make your change to it.`,
      );
    const configYaml = input.config_yaml ?? known.configYaml;
    if (input.config_yaml !== undefined) await this.#loadParsable(configYaml, known.project);
    const record: ConfigRecord = {
      ...known,
      name: input.name ?? known.name,
      description: input.description === undefined ? known.description : input.description,
      sourceType: input.source_type ?? known.sourceType,
      sourcePath: input.source_path === undefined ? known.sourcePath : input.source_path,
      configYaml,
      configHash: hash("sha256", configYaml),
      version: known.version + 1,
      updatedAt: this.#now(),
      isActive: input.is_active ?? known.isActive,
    };
    await this.#parts.records.putConfig(record);
    return this.show(record);
  }

  /** @throws MillraceError CONFIG_NOT_FOUND */
  async find({ project }: ProjectView, id: string): Promise<ConfigRecord> {
    const record = await this.#parts.records.inProject(project).getConfig(id);
    if (record === null) throw new MillraceError("CONFIG_NOT_FOUND", `There is no config "${id.slice(0, 128)}".`);
    return record;
  }

  /** A config as the API shows it, its report derived from the adapters present now. */
  async show(record: ConfigRecord): Promise<Config> {
    return { ...(await this.summarize(record)), config_yaml: record.configYaml };
  }

  /** A config as lists show it. */
  async summarize(record: ConfigRecord): Promise<ConfigSummary> {
    const { report, description } = await this.load(record.configYaml, record.project);
    return {
      id: record.id,
      project: record.project,
      name: record.name,
      description: record.description ?? description,
      source_type: record.sourceType,
      source_path: record.sourcePath,
      config_hash: record.configHash,
      version: record.version,
      created_at: record.createdAt,
      updated_at: record.updatedAt,
      is_active: record.isActive,
      is_runnable: report.is_valid && record.isActive,
      validation_report: report,
    };
  }

  /**
   * Loads a pipeline's text. What comes of it is remembered where it depends on the text alone: a finding may be mended
   * from outside, and a file that holds an adapter may change. Its secrets are those of the project that it is of.
   */
  async load(yaml: string, project: string): Promise<LoadedDefinition> {
    const key = hash("sha256", `${project}\n${yaml}`);
    const known = this.#loaded.get(key);
    if (known !== undefined) {
      if ((await this.#parts.secretsAreStill?.(known.secrets, project)) ?? true) return known;
      this.#loaded.delete(key);
    }
    const loaded = await this.#parts.loadDefinition(yaml, project);
    if (loaded.definition === null || loaded.definition.routes.some(({ steps }) => steps.some((step) => step.fromFile)))
      return loaded;
    this.#remembered += yaml.length;
    if (this.#remembered > REMEMBERED_CHARACTERS) {
      this.#loaded.clear();
      this.#remembered = yaml.length;
    }
    this.#loaded.set(key, loaded);
    return loaded;
  }

  /**
   * Loads the YAML files of a folder: a new file becomes a config of the project `default`, a changed one the next version of
   * its config.
   * Returns what cannot be loaded or cannot be run, for the log.
   * @throws MillraceError SETTING_INVALID where the folder cannot be read
   */
  async loadFolder(folder: string): Promise<{ loaded: Config[]; problems: string[] }> {
    let names: string[];
    try {
      names = (await readdir(folder)).filter((name) => /\.ya?ml$/.test(name)).sort();
    } catch (error) {
      throw new MillraceError("SETTING_INVALID", `The configs folder ${folder} cannot be read: ${messageOf(error)}`);
    }
    const loaded: Config[] = [];
    const problems: string[] = [];
    for (const name of names) {
      const path = relative(process.cwd(), join(folder, name)) || name;
      try {
        const yaml = await readFile(join(folder, name), "utf8");
        // Nodes that start at once load the same files: one makes a config, or a version, of each.
        const config = await againWhereChanged(() => this.#loadFile(path, yaml, name));
        loaded.push(config);
        const error = config.validation_report.issues.find(({ severity }) => severity === "error");
        if (error !== undefined) problems.push(`${path}: It cannot be run: ${error.message} ${placeOf(error)}`);
      } catch (error) {
        problems.push(`${path}: ${messageOf(error)}`);
      }
    }
    return { loaded, problems };
  }

  async #loadFile(path: string, configYaml: string, fileName: string): Promise<Config> {
    const known = await this.#parts.records.getConfigBySourcePath(DEFAULT_PROJECT, path);
    if (known !== null) {
      if (known.configYaml === configYaml) return this.show(known);
      return this.update(viewOf(known.project), known.id, { config_yaml: configYaml, expected_version: known.version });
    }
    const sourceType: SourceType = "file";
    const name = (await this.#loadParsable(configYaml, DEFAULT_PROJECT)).name ?? fileName.replace(/\.ya?ml$/, "");
    const input = { name, config_yaml: configYaml, source_type: sourceType, source_path: path };
    const config = await this.#create(viewOf(DEFAULT_PROJECT), input, true);
    if (config === null) throw new Error("it has no name");
    return config;
  }

  async #loadParsable(yaml: string, project: string): Promise<LoadedDefinition> {
    const loaded = await this.load(yaml, project);
    if (loaded.parsable) return loaded;
    const [finding] = loaded.report.issues;
    throw new MillraceError(
      "CONFIG_UNPARSABLE",
      `The YAML cannot be parsed: ${finding?.message ?? "it is not YAML"} ${placeOf(finding)}`,
      { details: { validation_report: loaded.report } },
    );
  }

  #now(): string {
    return new Date(this.#parts.clock.now()).toISOString();
  }
}

function placeOf(finding: { readonly line?: number | null; readonly column?: number | null } | undefined): string {
  return `(line ${finding?.line ?? 1}, column ${finding?.column ?? 1})`;
}

/** Times that a change of a config is tried that others are faster than. */
const ATTEMPTS = 10;

/** Makes a change once more where another process has changed the config since it was read. */
async function againWhereChanged<T>(change: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await change();
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== "CONFIG_CHANGED" || attempt === ATTEMPTS) throw error;
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
