import { type Client, createClient } from "@millrace/client";
import type { Command } from "commander";
import { UsageError } from "./exit-codes.ts";

/** Where the service is looked for when nothing is said. */
const DEFAULT_URL = "http://127.0.0.1:8000";

/** Adds `--url` and `--api-key` to a command that talks to a service. */
export function withUrl(command: Command): Command {
  return command
    .option("--url <url>", `the service (MILLRACE_URL; default ${DEFAULT_URL})`)
    .option(
      "--api-key <key>",
      "an API key of it (better as MILLRACE_API_KEY: other users of a machine can read flags)",
    );
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

/** How a command is told which service it talks to, and with which key. */
export interface ConnectionOptions {
  readonly url?: string;
  readonly apiKey?: string;
}

/** The client of that service. @throws UsageError */
export function connect(options: ConnectionOptions): Client {
  const apiKey = options.apiKey ?? process.env.MILLRACE_API_KEY;
  if (apiKey === undefined || apiKey === "") return createClient({ baseUrl: urlOf(options) });
  if (!/^[\x21-\x7e]+$/.test(apiKey)) {
    // Not said back: a part of it may be right.
    throw new UsageError(
      `${options.apiKey === undefined ? "MILLRACE_API_KEY" : "--api-key"}: expected an API key, as mr_…`,
    );
  }
  return createClient({ baseUrl: urlOf(options), apiKey });
}
