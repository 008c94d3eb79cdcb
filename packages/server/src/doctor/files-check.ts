import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createAdapterRegistry } from "@millrace/adapters";
import { type AdapterRegistry, loadDefinition, type PlaceholderSource } from "@millrace/engine";
import type { Finding as PipelineFinding } from "@millrace/protocol";
import { openSecrets } from "../secrets/open-secrets.ts";
import type { Check } from "./check.ts";
import { type Found, ok, problem, warning } from "./finding.ts";
import { messageOf } from "./words.ts";

/** `${env:…}` and `${secret:…}` that have no value, or none that may be read now. */
const MISSING_VALUES = ["E404", "E405", "E407", "E408"];

/** Adapters and pipelines in folders, and the secrets that they name. Adapters of one's own are loaded, as by the service. */
export const filesCheck: Check = {
  name: "pipelines",
  async run({ report: { settings }, dataDir, environment, access }) {
    const found: Found[] = [];
    // As the service looks them up; what it may not read of the environment is not read here.
    const secrets = openSecrets(settings, environment, access.isOn, (text) => {
      found.push(warning(text, "Then change what they may have read."));
    });
    let adapters: AdapterRegistry;
    const folder = settings.adapters_dir;
    try {
      const grants = { httpAllowHosts: settings.http_allow_hosts, stateDir: join(dataDir, "state") };
      const restricted = access.isOn;
      adapters = await createAdapterRegistry({ adaptersDir: folder, baseDir: process.cwd(), restricted, grants });
      if (folder !== null) found.push(ok(`The adapters in ${folder} load.`));
    } catch (error) {
      return [
        problem(messageOf(error), "Correct the adapter, or take its file out: the service does not start with it."),
      ];
    }
    if (settings.configs_dir === null) return found;
    return [...found, ...(await pipelinesIn(settings.configs_dir, adapters, secrets.of()))];
  },
};

async function pipelinesIn(folder: string, adapters: AdapterRegistry, source: PlaceholderSource): Promise<Found[]> {
  let names: string[];
  try {
    names = (await readdir(resolve(folder))).filter((name) => /\.ya?ml$/.test(name)).sort();
  } catch (error) {
    return [
      problem(`configs_dir cannot be read: ${messageOf(error)}.`, "Correct it: the service does not start with it."),
    ];
  }
  const found: Found[] = [];
  let sound = 0;
  for (const name of names) {
    const file = join(folder, name);
    try {
      const { report } = await loadDefinition(await readFile(file, "utf8"), { adapters, source });
      if (report.is_valid) sound += 1;
      else found.push(...faultsOf(file, report.issues));
    } catch (error) {
      found.push(problem(`${file} cannot be read: ${messageOf(error)}.`, "Correct its permissions."));
    }
  }
  if (names.length === 0) found.push(warning(`There is no YAML file in ${folder}.`, "Correct configs_dir."));
  if (sound > 0) found.push(ok(`${sound} of ${names.length} pipelines in ${folder} can be run.`));
  return found;
}

/** What is missing from the environment is told by its name, never by a value; of other errors the first is enough. */
function faultsOf(file: string, issues: readonly PipelineFinding[]): Found[] {
  const errors = issues.filter(({ severity }) => severity === "error");
  const missing = errors.filter(({ code }) => MISSING_VALUES.includes(code));
  const [other] = errors.filter(({ code }) => !MISSING_VALUES.includes(code));
  return [
    ...missing.map(({ message, suggestion }) => problem(`${file}: ${message}.`, suggestion ?? "Set the variable.")),
    ...(other === undefined
      ? []
      : [
          problem(
            `${file} cannot be run: ${other.message.replace(/\.$/, "")}.`,
            `millrace validate ${file} shows all that is wrong.`,
          ),
        ]),
  ];
}
