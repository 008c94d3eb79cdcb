import { type ConfigRecord, type Pipeline, type Records, secretAway } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { type ProjectView, viewOf } from "./access/project-of.ts";
import type { Configs } from "./configs.ts";

/** Configs that are looked at in one go for a name. */
const PAGE = 200;

/**
 * The pipeline of a stored config, ready to run.
 * @throws MillraceError CONFIG_NOT_FOUND, CONFIG_INACTIVE, CONFIG_INVALID, SECRET_UNAVAILABLE
 */
export async function runnablePipeline(
  configs: Configs,
  view: ProjectView,
  configId: string,
): Promise<Pipeline & { readonly config: ConfigRecord }> {
  const config = await configs.find(view, configId);
  if (!config.isActive) throw new MillraceError("CONFIG_INACTIVE", `The config "${config.name}" is not active.`);
  const { report, definition, awaits } = await configs.load(config.configYaml, config.project);
  if (definition === null) {
    if (awaits !== null) throw secretAway(awaits);
    throw new MillraceError(
      "CONFIG_INVALID",
      `The config "${config.name}" has ${report.error_count} errors and cannot be run.`,
      {
        details: { validation_report: report },
      },
    );
  }
  return { definition, configYaml: config.configYaml, config };
}

/**
 * The pipeline of the stored config of a project that is named, by its id or its name; of several of one name, of the one that is
 * active.
 * @throws MillraceError CONFIG_NOT_FOUND, CONFIG_INACTIVE, CONFIG_INVALID, SECRET_UNAVAILABLE
 */
export async function namedPipeline(
  configs: Configs,
  records: Pick<Records, "inProject">,
  project: string,
  name: string,
): Promise<Pipeline> {
  const own = records.inProject(project);
  if ((await own.getConfig(name)) !== null) return runnablePipeline(configs, viewOf(project), name);
  const found: { readonly id: string; readonly isActive: boolean }[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const { items } = await own.listConfigs({ limit: PAGE, offset });
    found.push(...items.filter((config) => config.name === name));
    if (items.length < PAGE) break;
  }
  const active = found.filter(({ isActive }) => isActive);
  if (active.length > 1) {
    throw new MillraceError(
      "CONFIG_INVALID",
      `${active.length} active configs have the name "${name}". Name the one that is meant by its id.`,
    );
  }
  const [one] = active.length === 1 ? active : found;
  if (one === undefined) throw new MillraceError("CONFIG_NOT_FOUND", `There is no config "${name.slice(0, 128)}".`);
  return runnablePipeline(configs, viewOf(project), one.id);
}
