import { type Client, createClient } from "@millrace/client";
import type { Command } from "commander";
import { UsageError } from "./exit-codes.ts";

/** Where the service is looked for when nothing is said. */
const DEFAULT_URL = "http://127.0.0.1:8000";

/** Adds `--url` to a command that talks to a service. */
export function withUrl(command: Command): Command {
  return command.option("--url <url>", `the service (MILLRACE_URL; default ${DEFAULT_URL})`);
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

/** What to type to watch an execution of that service. */
export function watchHint(
  { tag, id }: { readonly tag: string | null; readonly id: string },
  options: { readonly url?: string },
): string {
  return `Watch it: npx millrace watch ${tag ?? id}${urlFlag(urlOf(options))}`;
}

/** The client of that service. */
export function connect(options: { readonly url?: string }): Client {
  return createClient({ baseUrl: urlOf(options) });
}
