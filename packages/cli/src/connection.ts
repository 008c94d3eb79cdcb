import { type Client, createClient } from "@millrace/client";
import { projectSchema } from "@millrace/protocol";
import type { Command } from "commander";
import { UsageError } from "./exit-codes.ts";

/** Where the service is looked for when nothing is said. */
const DEFAULT_URL = "http://127.0.0.1:8000";

/** Which service a command talks to, with which key, and about what of it. */
export interface ServiceOptions {
  readonly url?: string;
  readonly apiKey?: string;
  readonly project?: string;
}

/** Adds `--url`, `--api-key` and `--project` to a command that talks to a service; `project`: what the last means. */
export function withUrl(command: Command, project = "only what belongs to this project"): Command {
  return command
    .option("--url <url>", `the service (MILLRACE_URL; default ${DEFAULT_URL})`)
    .option("--api-key <key>", "an API key of it (better as MILLRACE_API_KEY: other users of a machine can read flags)")
    .option("--project <project>", `${project} (MILLRACE_PROJECT)`);
}

/** The address of the service that the command's options name. @throws UsageError */
export function urlOf(options: { readonly url?: string }): string {
  // An empty variable is one that is not set, as with every other.
  const baseUrl = options.url ?? (process.env.MILLRACE_URL || DEFAULT_URL);
  if (!URL.canParse(baseUrl) || !/^https?:$/.test(new URL(baseUrl).protocol)) {
    throw new UsageError(
      `${options.url === undefined ? "MILLRACE_URL" : "--url"}: expected an http or https URL, got "${baseUrl}"`,
    );
  }
  return baseUrl;
}

/** The end of a command line that is to reach the same service: nothing where it is the one that is looked for anyway. */
export function urlFlag(url: string): string {
  return url === (process.env.MILLRACE_URL || DEFAULT_URL) ? "" : ` --url ${url}`;
}

/** The project that the command's options name; undefined: all that there is. @throws UsageError */
export function projectOf(options: ServiceOptions): string | undefined {
  const project = options.project ?? (process.env.MILLRACE_PROJECT || undefined);
  if (project === undefined) return undefined;
  const read = projectSchema.safeParse(project);
  if (read.success) return project;
  const name = options.project === undefined ? "MILLRACE_PROJECT" : "--project";
  throw new UsageError(`${name}: ${read.error.issues[0]?.message ?? "it is no project's name"}, got "${project}"`);
}

/** The end of a command line that is to be about the same: nothing where it would be anyway. */
export function serviceFlags(options: ServiceOptions): string {
  const { project } = options;
  const narrowed = project === undefined || project === process.env.MILLRACE_PROJECT ? "" : ` --project ${project}`;
  return `${narrowed}${urlFlag(urlOf(options))}`;
}

/** What to type to watch an execution of that service. */
export function watchHint(
  { tag, id }: { readonly tag: string | null; readonly id: string },
  options: ServiceOptions,
): string {
  return `Watch it: npx millrace watch ${tag ?? id}${serviceFlags(options)}`;
}

/** The client of that service. @throws UsageError */
export function connect(options: ServiceOptions): Client {
  const project = projectOf(options);
  const apiKey = apiKeyOf(options);
  return createClient({
    baseUrl: urlOf(options),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(project === undefined ? {} : { project }),
  });
}

/** The key that the command's options, or the environment, give; undefined where there is none. @throws UsageError */
export function apiKeyOf(options: ServiceOptions): string | undefined {
  // An empty variable is one that is not set.
  const apiKey = options.apiKey ?? (process.env.MILLRACE_API_KEY || undefined);
  if (apiKey === undefined || /^[\x21-\x7e]+$/.test(apiKey)) return apiKey;
  // Not said back: a part of it may be right.
  const name = options.apiKey === undefined ? "MILLRACE_API_KEY" : "--api-key";
  throw new UsageError(`${name}: expected an API key, as mr_…`);
}
