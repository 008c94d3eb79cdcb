import { readFileSync } from "node:fs";
import { isHostName } from "@millrace/adapters/allowed-hosts";
import { keepPayloadsSchema, MillraceError } from "@millrace/protocol";
import { closest, distance } from "fastest-levenshtein";
import { parse } from "yaml";
import { z } from "zod";

/** A number, or the text of one. Not coerced: an empty text, `true` and `[]` would count as numbers. */
const number = (schema: z.ZodNumber) =>
  z.preprocess((value) => (typeof value === "string" && value.trim() !== "" ? Number(value) : value), schema);

const count = (what: string, fallback: number, min: number, max: number) =>
  number(z.number("expected a whole number").int("expected a whole number").min(min).max(max))
    .default(fallback)
    .describe(what);

const bytes = (what: string, fallback: number, min = 1024) => count(what, fallback, min, 2 ** 31);

const days = (what: string) =>
  number(z.number("expected a number of days").gt(0).max(36_500)).nullable().default(null).describe(what);

/** A URL of one of these schemes, as in the example. */
const url = (schemes: readonly string[], example: string) =>
  z
    .string()
    .min(1)
    .refine((text) => URL.canParse(text) && schemes.includes(new URL(text).protocol), `expected a URL as ${example}`);

const PORT = "expected a port from 0 to 65535";

const list = (item: z.ZodString) =>
  z.preprocess(
    (value) =>
      typeof value === "string"
        ? value
            .split(",")
            .map((each) => each.trim())
            .filter((each) => each !== "")
        : value,
    z.array(item),
  );

const origins = list(z.string().refine(isOrigin, "expected `*` or origins as https://example.org, without a path"));

const hosts = list(
  z.string().refine(isHostName, "expected hosts as intranet.example.org, *.example.org, localhost:8080 or 10.0.0.7"),
);

const traceHosts = list(
  z
    .string()
    .refine(
      (text) => text === "*" || isHostName(text),
      "expected `*` or hosts as collector.example.org, *.example.org",
    ),
);

/**
 * Every setting: its kind, bounds, default and meaning. Each is a flag (`--data-dir`), an environment variable
 * (`MILLRACE_DATA_DIR`) and a key of the config file (`data_dir`).
 */
export const settingsSchema = z.object({
  host: z.string().min(1).default("127.0.0.1").describe("The address to listen on"),
  port: number(z.number(PORT).int(PORT).min(0).max(65535))
    .default(8000)
    .describe("The port to listen on; 0 picks a free one"),
  workers: count(
    "Processes that serve the port; 2 or more are workers beside the main process, which streams then leave to them",
    1,
    1,
    64,
  ),
  data_dir: z.string().min(1).default("./data").describe("The folder for the database and the objects"),
  database_url: url(["postgres:", "postgresql:"], "postgres://user@host:5432/database")
    .nullable()
    .default(null)
    .describe(
      "The PostgreSQL database that all nodes share, in place of the one in the data directory; goes with `nats_url`",
    ),
  nats_url: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("The NATS servers that nodes talk through, separated by commas; goes with `database_url`"),
  objects_url: url(["s3:"], "s3://bucket/prefix?endpoint=https://host&region=name")
    .nullable()
    .default(null)
    .describe(
      "The S3 bucket for objects; without it they are in the data directory or, of a service of many nodes, in the database",
    ),
  engine: z
    .preprocess(
      (value) => (value === "true" ? true : value === "false" ? false : value),
      z.boolean("expected true or false"),
    )
    .default(true)
    .describe("Whether this node runs executions; `false` leaves them to the other nodes"),
  node_name: z
    .string()
    .min(1)
    .max(200)
    .nullable()
    .default(null)
    .describe("What this node is called in lists and logs; by default its host and process id"),
  work_slots: count(
    "Messages that this node works on at once, beyond which it leaves them to other nodes",
    64,
    1,
    10_000,
  ),
  lease_seconds: number(z.number("expected a number of seconds").min(1).max(3600))
    .default(10)
    .describe("How long a node may be silent before others take its executions over, in seconds"),
  configs_dir: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("A folder whose YAML files are loaded as configs at the start"),
  adapters_dir: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("A folder whose .ts and .js files each hold an adapter of your own"),
  durability: z
    .enum(["normal", "full"])
    .default("normal")
    .describe("What a commit survives: `normal` the death of the process, `full` a power cut as well"),
  shutdown_grace: number(z.number("expected a number of seconds").min(0).max(3600))
    .default(10)
    .describe("How long messages in flight are waited for at shutdown, in seconds"),
  log_level: z
    .enum(["trace", "debug", "info", "warn", "error", "silent"])
    .default("info")
    .describe("How much is logged, on stderr"),
  log_format: z
    .enum(["auto", "json", "pretty"])
    .default("auto")
    .describe("How lines of the log look: `json`, `pretty` for people, `auto` pretty on a terminal and else JSON"),
  traces: z
    .enum(["auto", "off", "otlp"])
    .default("auto")
    .describe(
      "Whether traces are sent by the OpenTelemetry protocol, as the OTEL_* variables say; `auto`: where they name a collector",
    ),
  trace_messages: count(
    "Messages of one execution whose spans are sent at most; failed ones, as many again",
    2_000,
    0,
    10_000_000,
  ),
  trace_hosts: traceHosts
    .default(["*"])
    .describe(
      "Hosts that requests of adapters and webhooks tell of the trace they belong to (`traceparent`), separated by commas, as in http_allow_hosts; `*` is any, an empty list none",
    ),
  cors_origins: origins.default([]).describe("Origins that browsers may call from, separated by commas; `*` is any"),
  max_executions: count("Executions that run at once", 100, 1, 100_000),
  max_adapter_threads: count("Threads at once for adapters with `isolation: thread`, over all executions", 8, 1, 1024),
  max_subscribers: count("Event streams that are open at once", 20_000, 0, 1_000_000),
  max_body_bytes: bytes("The largest body of a request, in bytes", 2 * 1024 * 1024),
  max_header_bytes: bytes("The largest head of a request, in bytes", 16 * 1024),
  max_payload_bytes: bytes("The largest payload of a message, in bytes", 16 * 1024 * 1024, 16),
  max_emits_per_step: count("Messages that one message may give rise to in one step", 10_000_000, 1, 1_000_000_000),
  model_cache_bytes: number(z.number("expected a whole number").int("expected a whole number").min(0).max(1e13))
    .default(512 * 1024 * 1024)
    .describe(
      "What answers of models that are kept may take, in bytes; the least recently used make room; 0 keeps none",
    ),
  keep_payloads: keepPayloadsSchema
    .default("all")
    .describe(
      "Which settled messages keep their payloads, where their pipeline does not say: `failed` those that failed for good, `all` completed ones as well, so that they can be replayed",
    ),
  retain_days: days("Days after its end that an execution is kept, with all that it stored; without it for ever"),
  retain_executions: number(z.number("expected a whole number").int("expected a whole number").min(0).max(1e9))
    .nullable()
    .default(null)
    .describe("Executions that are over of which the newest are kept; without it all"),
  retain_bytes: number(z.number("expected a whole number").int("expected a whole number").min(0).max(1e15))
    .nullable()
    .default(null)
    .describe(
      "Bytes that executions that are over may take, journal and objects together; the oldest go first; without it any",
    ),
  retain_events_days: days("Days after its end that an execution's events are kept; without it for ever"),
  http_allow_hosts: hosts
    .default([])
    .describe(
      "Hosts that adapters may ask, and webhooks be sent to, over HTTP although their addresses are of this machine or a private network, separated by commas: `localhost`, `10.0.0.7:8080`, `*.intranet.example.org`",
    ),
});

/** @see settingsSchema */
export type Settings = z.infer<typeof settingsSchema>;

/** A setting's name, as in the config file. */
export type SettingName = keyof Settings;

/** Where settings come from, the strongest first. */
export interface SettingSources {
  /** By name in snake_case; undefined ones do not count. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--config`; else `MILLRACE_CONFIG`. */
  readonly configFile: string | undefined;
}

/** Variables that begin with MILLRACE_ and are no settings. */
const OTHER_VARIABLES = /^MILLRACE_(?:CONFIG|URL|SECRET_.*)$/;

/**
 * Reads the settings: flag over environment over config file over default.
 * @throws MillraceError SETTING_INVALID, with every wrong one by its name and source
 */
export function readSettings(sources: SettingSources): { settings: Settings; warnings: string[] } {
  const names = Object.keys(settingsSchema.shape);
  const problems: string[] = [];
  const warnings: string[] = [];
  const values: Record<string, unknown> = {};
  const origin: Record<string, string> = {};
  // An empty variable is one that is not set.
  const file = sources.configFile ?? (sources.env.MILLRACE_CONFIG || undefined);
  for (const [key, value] of Object.entries(file === undefined ? {} : readConfigFile(file))) {
    if (!names.includes(key)) problems.push(`${file}: there is no setting "${key}".${hint(key, names)}`);
    else if (value !== null) {
      values[key] = value;
      origin[key] = `${key} in ${file}`;
    }
  }
  for (const [variable, value] of Object.entries(sources.env)) {
    if (!variable.startsWith("MILLRACE_") || OTHER_VARIABLES.test(variable) || value === undefined || value === "")
      continue;
    const key = variable.slice("MILLRACE_".length).toLowerCase();
    if (!names.includes(key)) warnings.push(`${variable} is no setting and is ignored.${hint(key, names, variableOf)}`);
    else {
      values[key] = value;
      origin[key] = variable;
    }
  }
  for (const name of names) {
    if (sources.flags[name] === undefined) continue;
    values[name] = sources.flags[name];
    origin[name] = flagOf(name);
  }
  const result = settingsSchema.safeParse(values);
  for (const issue of result.success ? [] : result.error.issues) {
    const name = String(issue.path[0]);
    // A URL may hold a password.
    const got = name.endsWith("_url") ? "" : `, got ${JSON.stringify(values[name])}`;
    problems.push(`${origin[name] ?? name}: ${wrong(issue)}${got}`);
  }
  if (result.success) problems.push(...contradictions(result.data));
  if (problems.length > 0 || !result.success) {
    throw new MillraceError("SETTING_INVALID", problems.join("\n"));
  }
  return { settings: result.data, warnings };
}

/** What each setting allows for itself, and not together. */
function contradictions(settings: Settings): string[] {
  const { database_url: database, nats_url: nats, objects_url: objects, engine, workers } = settings;
  const found: string[] = [];
  const pair = "a service of many nodes needs both, one of a single process neither";
  if (database !== null && nats === null) found.push(`database_url is set and nats_url is not: ${pair}`);
  if (database === null && nats !== null) found.push(`nats_url is set and database_url is not: ${pair}`);
  if (database === null && !engine) found.push("engine: false needs other nodes, which need database_url and nats_url");
  if (database !== null && workers > 1) {
    found.push("workers share one data directory; with database_url start more nodes in place of them");
  }
  if (database === null && objects !== null) {
    found.push("objects_url needs database_url and nats_url: a data directory keeps its objects beside its database");
  }
  return found;
}

/** `--data-dir`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll("_", "-")}`;
}

/** `MILLRACE_DATA_DIR`. */
export function variableOf(name: string): string {
  return `MILLRACE_${name.toUpperCase()}`;
}

function readConfigFile(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new MillraceError(
      "SETTING_INVALID",
      `The config file ${file} cannot be read: ${error instanceof Error ? error.message.trimEnd() : error}`,
    );
  }
  if (value === null || value === undefined) return {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new MillraceError("SETTING_INVALID", `The config file ${file} must be a mapping of settings.`);
  }
  return { ...value };
}

function wrong(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_value":
      return `expected one of ${issue.values.join(", ")}`;
    case "too_small":
      if (issue.origin === "string") return "expected a text";
      return `expected ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}`;
    case "too_big":
      return `expected at most ${issue.maximum}`;
    default:
      return issue.message.charAt(0).toLowerCase() + issue.message.slice(1);
  }
}

/** Browsers send an origin in this one form, and it is compared letter by letter. */
function isOrigin(text: string): boolean {
  return text === "*" || text === "null" || (URL.canParse(text) && new URL(text).origin === text);
}

function hint(key: string, names: readonly string[], show: (name: string) => string = (name) => name): string {
  const best = closest(key, [...names]);
  return distance(key, best) <= 3 ? ` Did you mean ${show(best)}?` : "";
}
