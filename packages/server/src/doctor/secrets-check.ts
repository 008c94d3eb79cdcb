import { accessSync, constants, existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { openSecrets } from "../secrets/open-secrets.ts";
import type { Check } from "./check.ts";
import { type Found, ok, problem, warning } from "./finding.ts";
import { messageOf } from "./words.ts";

/** A name that nobody has: it is asked for to see whether there is an answer. */
const NOBODY = "MILLRACE_DOCTOR";

/** What keeps secrets beside the environment: whether it is there, and answers. */
export const secretsCheck: Check = {
  name: "secrets",
  async run({ report: { settings }, environment, access }) {
    const found: Found[] = [];
    if (settings.secrets_dir !== null) found.push(folder(resolve(settings.secrets_dir)));
    if (settings.secrets_url === null) return found;
    const secrets = openSecrets({ ...settings, secrets_dir: null }, environment, access.isOn, () => {});
    await secrets.one(NOBODY);
    const health = secrets.health();
    found.push(
      health?.status === "degraded"
        ? problem(`${health.detail}.`, "Correct it: until then runs that need a secret of it wait, or fail.")
        : ok("The server of secrets_url answers, and takes the token."),
    );
    return found;
  },
};

function folder(path: string): Found {
  const advice = "Correct secrets_dir, or its permissions: pipelines that name a secret of it cannot be run.";
  if (!existsSync(path)) return problem(`secrets_dir is not there: ${path}.`, advice);
  if (!statSync(path).isDirectory()) return problem(`secrets_dir is a file, not a folder: ${path}.`, advice);
  try {
    accessSync(path, constants.R_OK | constants.X_OK);
  } catch (error) {
    return problem(`secrets_dir cannot be read: ${messageOf(error)}.`, advice);
  }
  const others = (statSync(path).mode & 0o002) !== 0;
  return others
    ? warning(`All users of this machine may write to ${path}: they can replace secrets.`, `chmod o-w ${path}`)
    : ok(`The secrets in ${path} can be read.`);
}
