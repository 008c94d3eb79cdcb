import { existsSync } from "node:fs";
import { type ApiKey, type ApiKeyWithSecret, SCOPES, type Scope } from "@millrace/protocol";
import type { Command } from "commander";
import { apiKeyOf, connect, projectOf, withUrl } from "../connection.ts";
import { UsageError } from "../exit-codes.ts";
import { type Output, table } from "../output.ts";

interface Common {
  readonly url?: string;
  readonly apiKey?: string;
  readonly json?: boolean;
}

interface CreateOptions extends Common {
  readonly scopes: string;
  readonly project?: string;
  readonly expiresInDays?: string;
  readonly dataDir?: string;
  readonly databaseUrl?: string;
}

const ID = "0198c0de-0000-7000-8000-000000000000";
const DAY_MS = 24 * 60 * 60 * 1000;

/** `millrace keys …`. */
export function addKeys(program: Command, output: Output): void {
  const keys = program.command("keys").description("API keys: who may do what");
  const add = (name: string, description: string, project?: string) =>
    withUrl(keys.command(name).description(description), project).option("--json", "print JSON");
  const show = (value: unknown, json: boolean | undefined, human: () => void) =>
    json ? output.line(JSON.stringify(value, null, 2)) : human();
  const showNew = (key: ApiKeyWithSecret, json: boolean | undefined) =>
    show(key, json, () => {
      output.line(key.secret);
      output.note(`Key ${key.id}, ${opens(key)}${until(key)}. It is not shown again.`);
    });

  add("create", "make an API key", "the one project that it opens; without it all that whoever makes it sees")
    .argument("<name>", "who or what it is for")
    .requiredOption("--scopes <scopes>", `what it may do: ${SCOPES.join(", ")}; each includes those before it`)
    .option("--expires-in-days <n>", "by default it does not expire")
    .option("--data-dir <dir>", "make it in a data directory that no service works on, instead of asking one")
    .option("--database-url <url>", "make it in the database that nodes share, instead of asking one")
    .addHelpText(
      "after",
      "\nPrints the key, which is told this once. The first one of a service is made where it keeps them; from then on the service\nis asked, with a key of the scope admin in MILLRACE_API_KEY.\n\nExamples:\n  $ millrace keys create admin --scopes admin --data-dir ./data\n  $ millrace keys create nightly --scopes run --project search --expires-in-days 90",
    )
    .action(async (name: string, options: CreateOptions) => {
      const scopes = scopesOf(options.scopes);
      // As where a service is asked, the variable counts: a key of all projects would open more than was meant.
      const project = projectOf(options) ?? null;
      const days = daysOf(options.expiresInDays);
      if (options.dataDir === undefined && options.databaseUrl === undefined) {
        const key = await connect(options).keys.create({
          name,
          scopes,
          ...(days === null ? {} : { expires_in_days: days }),
        });
        showNew(key, options.json);
        if (apiKeyOf(options) === undefined)
          output.note(
            "The service asked for no key. From its next start on it asks everybody, as there is one now: see that one has the scope admin.",
          );
        return;
      }
      const { makeKey } = await import("@millrace/server");
      // The one that is given is meant, whatever the environment has of the other.
      const place = { data_dir: options.dataDir ?? "./data", database_url: options.databaseUrl ?? null };
      const expiresAt = days === null ? null : Date.now() + Math.round(days * DAY_MS);
      const isNew = place.database_url === null && !existsSync(place.data_dir);
      showNew(await makeKey(place, { name, scopes, project, expiresAt }), options.json);
      // As it is before a service's first start, and where the path is not the one that was meant.
      if (isNew)
        output.note(
          `There was no data directory ${place.data_dir}: it was made. A service that is to know the key works on it.`,
        );
    });

  add("list", "list the API keys, newest first")
    .addHelpText("after", "\nExample:\n  $ millrace keys list")
    .action(async (options: Common) => {
      const page = await connect(options).keys.list({ limit: 1000 });
      const header = ["id", "name", "project", "scopes", "last used", "expires", "state"];
      show(page, options.json, () => output.line(table(output, header, page.keys.map(row))));
    });

  add("rotate", "make a key that takes another's place")
    .argument("<key-id>", "a key's id, as millrace keys list shows it")
    .option("--overlap-hours <n>", "how long the old one is good beside it", "24")
    .addHelpText("after", `\nPrints the new key, which is told this once.\n\nExample:\n  $ millrace keys rotate ${ID}`)
    .action(async (id: string, options: Common & { overlapHours: string }) => {
      const hours = Number(options.overlapHours);
      if (!(hours >= 0)) throw new UsageError(`--overlap-hours: expected a number, got "${options.overlapHours}"`);
      showNew(await connect(options).keys.rotate(id, { overlap_seconds: hours * 3600 }), options.json);
    });

  add("revoke", "let a key open nothing any more")
    .argument("<key-id>", "a key's id, as millrace keys list shows it")
    .addHelpText("after", `\nStreams that it has opened end.\n\nExample:\n  $ millrace keys revoke ${ID}`)
    .action(async (id: string, options: Common) => {
      await connect(options).keys.revoke(id);
      show({ id, revoked: true }, options.json, () => output.line(`revoked ${id}`));
    });
}

function scopesOf(text: string): Scope[] {
  return text.split(",").map((word) => {
    const scope = SCOPES.find((each) => each === word.trim());
    if (scope === undefined) throw new UsageError(`--scopes: expected any of ${SCOPES.join(", ")}, got "${word}"`);
    return scope;
  });
}

function daysOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const days = Number(text);
  if (!(days > 0 && days <= 36_500)) throw new UsageError(`--expires-in-days: expected days, got "${text}"`);
  return days;
}

function opens({ scopes, project }: ApiKey): string {
  return `${scopes.at(-1)} in ${project === null ? "all projects" : `the project ${project}`}`;
}

function until({ expires_at: at }: ApiKey): string {
  return at === null ? "" : ` until ${at}`;
}

function row(key: ApiKey): string[] {
  const state =
    key.revoked_at !== null
      ? "revoked"
      : key.expires_at !== null && Date.parse(key.expires_at) <= Date.now()
        ? "expired"
        : key.rotated_to !== null
          ? "rotated"
          : "good";
  return [
    key.id,
    key.name,
    key.project ?? "all",
    key.scopes.join(","),
    key.last_used_at ?? "never",
    key.expires_at ?? "–",
    state,
  ];
}
