import { constants } from "node:fs";
import { access, readdir, stat } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { openSecrets } from "../secrets/open-secrets.ts";
import type { Check } from "./check.ts";
import { type Found, ok, problem, warning } from "./finding.ts";
import { messageOf } from "./words.ts";

const OTHERS_MAY_READ = 0o004;

const OTHERS_MAY_WRITE = 0o002;

/** Files that are named in one finding. */
const NAMED = 5;

/** A name that no secret has: to ask for it asks the server whether it answers. */
const NOBODYS = "millrace_doctor_asks";

/** Where secrets are kept, beside the environment: whether they can be had. Their values are not looked at. */
export const secretsCheck: Check = {
  name: "secrets",
  async run({ report: { settings }, environment, access: { isOn } }) {
    const { secrets_dir: folder, secrets_url: url } = settings;
    return [
      ...(folder === null ? [] : await inFolder(resolve(folder))),
      ...(url === null
        ? []
        : [await atServer(openSecrets({ ...settings, secrets_dir: null }, environment, isOn, () => undefined))]),
    ];
  },
};

async function inFolder(folder: string): Promise<Found[]> {
  const unreadable: string[] = [];
  const open: string[] = [];
  let files = 0;
  try {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      const name = relative(folder, path);
      // As Kubernetes has them: `..data` leads to the files that links with the names of secrets stand for.
      if (entry.isDirectory() || name.startsWith(".")) continue;
      const stats = await stat(path).catch(() => null);
      if (stats?.isDirectory()) continue;
      files += 1;
      const mayRead =
        stats !== null &&
        (await access(path, constants.R_OK).then(
          () => true,
          () => false,
        ));
      if (!mayRead) unreadable.push(name);
      else if ((stats.mode & OTHERS_MAY_READ) !== 0) open.push(name);
    }
  } catch (error) {
    const advice = "Correct secrets_dir, or mount the folder: pipelines whose secrets are in it cannot be run.";
    return [problem(`secrets_dir cannot be read: ${messageOf(error)}.`, advice)];
  }
  const found: Found[] = [];
  if (unreadable.length > 0)
    found.push(
      problem(
        `secrets_dir: this user may not read ${some(unreadable)}.`,
        "Run this as the user that the service runs as, or give that user the right to read them.",
      ),
    );
  if (open.length > 0)
    found.push(
      warning(
        `secrets_dir: every user of this machine may read ${some(open)}.`,
        "Take the right from others: chmod o-r, or the mode 0440 of the volume.",
      ),
    );
  if (((await stat(folder)).mode & OTHERS_MAY_WRITE) !== 0)
    found.push(
      warning(`All users of this machine may write to ${folder}: they can replace secrets.`, `chmod o-w ${folder}`),
    );
  if (files === 0)
    found.push(warning(`There is no file in ${folder}.`, "Correct secrets_dir, or put secrets into it."));
  else found.push(ok(`${files - unreadable.length} of ${files} files in ${folder} can be read.`));
  return found;
}

async function atServer(secrets: ReturnType<typeof openSecrets>): Promise<Found> {
  await secrets.one(NOBODYS);
  const health = secrets.health();
  if (health === null || health.status === "healthy")
    return ok("The server of secrets_url answers, and takes the token.");
  const advice = "Correct secrets_url or the token: runs whose secrets are there wait until it can be asked.";
  return problem(`${health.detail}.`.replace(/^t/, "T"), advice);
}

function some(names: readonly string[]): string {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
  return `${names.slice(0, NAMED).join(", ")}${more}`;
}
