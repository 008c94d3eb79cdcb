import type {
  Config,
  ConfigList,
  ConfigSummary,
  ConfigVersion,
  ConfigVersionList,
  CreateConfig,
  Execution,
  JsonObject,
  PageQuery,
  RunQuery,
  UpdateConfig,
  ValidationReport,
} from "@millrace/protocol";
import { ApiError } from "./api-error.ts";
import { type Api, type CallOptions, segment } from "./request.ts";

/** How a config is run: the query of the request, and the fields of the first message's payload. */
export interface RunConfigOptions extends RunQuery {
  /** Merged into the pipeline's `init_message.payload`. */
  readonly payload?: JsonObject | undefined;
}

const PATH = "/api/v1/configs";
const LARGEST_PAGE = 1000;

/** Calls about configs. */
export function configsOf(api: Api) {
  const one = (id: string) => `${PATH}/${segment(id)}`;
  const list = (query: PageQuery = {}, call?: CallOptions): Promise<ConfigList> =>
    api.json("GET", PATH, { query, ...call });
  const get = (id: string, call?: CallOptions): Promise<Config> => api.json("GET", one(id), call);
  /** All configs of a name: none, one, or several, as names need not be unique. */
  const named = async (name: string, call?: CallOptions): Promise<ConfigSummary[]> => {
    const found: ConfigSummary[] = [];
    for (let offset = 0; ; offset += LARGEST_PAGE) {
      const page = await list({ limit: LARGEST_PAGE, offset }, call);
      found.push(...page.configs.filter((config) => config.name === name));
      if (!page.has_more) return found;
    }
  };
  return {
    list,
    get,
    named,
    /**
     * A config by its id, or by a name that only one has.
     * @throws ApiError 404 where there is none, {@link AmbiguousNameError} where several have the name
     */
    find: async (idOrName: string, call?: CallOptions): Promise<ConfigSummary> => {
      try {
        return await get(idOrName, call);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 404) throw error;
        const [first, ...others] = await named(idOrName, call);
        if (first === undefined) throw error;
        if (others.length === 0) return first;
        throw new AmbiguousNameError(idOrName, [first, ...others]);
      }
    },
    create: (body: CreateConfig, call?: CallOptions): Promise<Config> => api.json("POST", PATH, { body, ...call }),
    /** Makes a new version. What is left out stays as it is. */
    update: (id: string, body: UpdateConfig, call?: CallOptions): Promise<Config> =>
      api.json("PUT", one(id), { body, ...call }),
    delete: (id: string, call?: CallOptions): Promise<void> => api.json("DELETE", one(id), call),
    /** The findings on a pipeline, which is not stored. */
    validate: (yaml: string, call?: CallOptions): Promise<ValidationReport> =>
      api.json("POST", `${PATH}/validate`, { body: { config_yaml: yaml }, ...call }),
    /** Newest first. */
    versions: (id: string, query: PageQuery = {}, call?: CallOptions): Promise<ConfigVersionList> =>
      api.json("GET", `${one(id)}/versions`, { query, ...call }),
    version: (id: string, version: number, call?: CallOptions): Promise<ConfigVersion> =>
      api.json("GET", `${one(id)}/versions/${segment(String(version))}`, call),
    /** Starts an execution; `executions.run` does so by name as well, and returns what follows it. */
    run: (id: string, { payload, ...query }: RunConfigOptions = {}, call?: CallOptions): Promise<Execution> =>
      api.json("POST", `${one(id)}/run`, { query, body: payload ?? {}, ...call }),
  };
}

/** @see configsOf */
export type Configs = ReturnType<typeof configsOf>;

/** A name that several configs have. */
export class AmbiguousNameError extends Error {
  override readonly name = "AmbiguousNameError";
  /** Those that have it. */
  readonly configs: readonly ConfigSummary[];

  constructor(name: string, configs: readonly ConfigSummary[]) {
    super(`${configs.length} configs are named "${name}"; use an id: ${configs.map(({ id }) => id).join(", ")}`);
    this.configs = configs;
  }
}
