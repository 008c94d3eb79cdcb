import { readFileSync } from "node:fs";
import { isHostName } from "@millrace/adapters/allowed-hosts";
import { keepPayloadsSchema, MillraceError } from "@millrace/protocol";
import { closest, distance } from "fastest-levenshtein";
import { parse } from "yaml";
import { z } from "zod";
import { identityContradictions, identitySettings } from "./access/oidc-settings.ts";
import { edgeSettings } from "./http/edge-settings.ts";
import { count, list, number } from "./setting-kinds.ts";

const bytes = (what: string, fallback: number, min = 1024) => count(what, fallback, min, 2 ** 31);

const days = (what: string) =>
  number(z.number("expected a number of days").gt(0).max(36_500)).nullable().default(null).describe(what);

const flag = (what: string, fallback: boolean) =>
  z
    .preprocess(
      (value) => (value === "true" ? true : value === "false" ? false : value),
      z.boolean("expected true or false"),
    )
    .default(fallback)
    .describe(what);

/** A URL of one of these schemes, as in the example. */
const url = (schemes: readonly string[], example: string) =>
  z
    .string()
    .min(1)
    .refine((text) => URL.canParse(text) && schemes.includes(new URL(text).protocol), `expected a URL as ${example}`);

const PORT = "expected a port from 0 to 65535";

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
  access: z
    .enum(["auto", "on", "off", "unprotected"])
    .default("auto")
    .describe(
      "Whether requests need a credential. `auto`: where other machines can reach the address, or do so through a proxy, as `trusted_proxies`, `public_url` or `allowed_hosts` say, or there is an API key or another credential at the start; `off`: none is needed, and only this machine may reach the address; `unprotected`: none is needed, whoever can reach it",
    ),
  admin_key: z
    .string("expected a text")
    .min(32, "expected at least 32 characters, as `openssl rand -hex 32` makes them")
    .max(1024, "expected at most 1024 characters")
    .regex(/^[A-Za-z0-9._~+/-]+=*$/, "expected letters, digits and any of -._~+/ as in a bearer token")
    .nullable()
    .default(null)
    .describe(
      "A key that opens everything and is stored nowhere: to make the first API keys with. Better in the environment or the config file than in a flag, which other users of the machine can read",
    ),
  retain_audit_days: number(z.number("expected a number of days").gt(0).max(36_500))
    .default(365)
    .describe("Days that entries of the audit log are kept"),
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
  engine: flag("Whether this node runs executions; `false` leaves them to the other nodes", true),
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
  file_roots: list(z.string().min(1))
    .default([])
    .describe(
      "Folders whose files pipelines and triggers may read where access control is on, beside the one that the service was started in (but for `/`), separated by commas; of these, the data directory and the service's own secrets are left out",
    ),
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
  metrics: flag("Whether `/metrics` tells Prometheus of the service; `false` counts nothing, and answers 404", true),
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
  secrets_dir: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      "A folder whose files each hold a secret: `NAME` for the default project, `PROJECT/NAME` for another, `_shared/NAME` for all",
    ),
  secrets_url: url(["vault+https:", "vault+http:"], "vault+https://vault.example.org:8200/secret/millrace")
    .nullable()
    .default(null)
    .describe(
      "Where secrets are kept in a server that speaks the protocol of Vault's KV, version 2: its address, the mount and a path, below which each project has an entry of its name",
    ),
  secrets_token_file: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      "The file that holds the token for `secrets_url`, read anew whenever it is needed; without it the token is the variable MILLRACE_SECRETS_TOKEN",
    ),
  secrets_ttl: number(z.number("expected a number of seconds").min(1).max(86_400))
    .default(60)
    .describe("How long what `secrets_url` has answered is used before it is asked again, in seconds"),
  env_allow: list(
    z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*\*?$/, "expected names of variables as REGION, or their beginnings as APP_*"),
  )
    .nullable()
    .default(null)
    .describe(
      "Environment variables that `${env:NAME}` in pipelines may read, separated by commas: names, or beginnings as `APP_*`; without it none where access control is on, and all but the service's own where it is off",
    ),
  http_allow_hosts: hosts
    .default([])
    .describe(
      "Hosts that adapters may ask, and webhooks be sent to, over HTTP although their addresses are of this machine or a private network, separated by commas: `localhost`, `10.0.0.7:8080`, `*.intranet.example.org`",
    ),
  ...edgeSettings,
  ...identitySettings,
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
const OTHER_VARIABLES = /^MILLRACE_(?:CONFIG|URL|API_KEY|SECRETS_TOKEN|SECRET_.*|SHARED_SECRET_.*)$/;

/** What there is to say of settings, whatever is wrong with them. */
export interface SettingsReport {
  /** Those that can be used; one that cannot has its default here. */
  readonly settings: Settings;
  /** What is wrong, each with its name and source, and never with a password. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** Where each setting comes from that is no default: `--port`, `MILLRACE_PORT`, `port in millrace.yaml`. */
  readonly origins: Readonly<Partial<Record<string, string>>>;
  /** The config file, where one is named. */
  readonly configFile: string | undefined;
}

/**
 * Reads the settings: flag over environment over config file over default.
 * @throws MillraceError SETTING_INVALID, with every wrong one by its name and source
 */
export function readSettings(sources: SettingSources): { settings: Settings; warnings: string[] } {
  const { settings, problems, warnings } = inspectSettings(sources);
  if (problems.length > 0) throw new MillraceError("SETTING_INVALID", problems.join("\n"));
  return { settings, warnings: [...warnings] };
}

/** Reads the settings as {@link readSettings} does, and says what is wrong rather than to throw it. */
export function inspectSettings(sources: SettingSources): SettingsReport {
  const names = Object.keys(settingsSchema.shape);
  const problems: string[] = [];
  const warnings: string[] = [];
  const values: Record<string, unknown> = {};
  const origin: Record<string, string> = {};
  // An empty variable is one that is not set.
  const file = sources.configFile ?? (sources.env.MILLRACE_CONFIG || undefined);
  for (const [key, value] of Object.entries(file === undefined ? {} : readableConfigFile(file, problems))) {
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
  const usable = { ...values };
  for (const issue of result.success ? [] : result.error.issues) {
    const name = String(issue.path[0]);
    delete usable[name];
    // A URL may hold a password, and a key is one; what is wrong within a list says itself what it got.
    const isTold = /_(?:url|key|secret)$/.test(name) || (issue.code === "custom" && name === "oidc_roles");
    const got = isTold ? "" : `, got ${JSON.stringify(values[name])}`;
    problems.push(`${origin[name] ?? name}: ${wrong(issue)}${got}`);
  }
  const settings = result.success ? result.data : settingsSchema.parse(usable);
  if (result.success) problems.push(...contradictions(settings));
  return { settings, problems, warnings, origins: origin, configFile: file };
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
  if (settings.secrets_token_file !== null && settings.secrets_url === null)
    found.push("secrets_token_file is the token for secrets_url, which is not set");
  if (settings.secrets_url !== null) found.push(...wrongSecretsUrl(new URL(settings.secrets_url)));
  return [...found, ...identityContradictions(settings)];
}

function wrongSecretsUrl(url: URL): string[] {
  const found: string[] = [];
  if (url.username !== "" || url.password !== "")
    found.push("secrets_url: the token belongs into secrets_token_file, or MILLRACE_SECRETS_TOKEN");
  if (!/^\/[^/]+/.test(url.pathname))
    found.push("secrets_url: the mount is missing, as /secret in vault+https://vault.example.org:8200/secret/millrace");
  if (url.protocol === "vault+http:" && !/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname))
    found.push(
      "secrets_url: vault+http:// sends the token in the clear, and is for this machine alone; use vault+https://",
    );
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

function readableConfigFile(file: string, problems: string[]): Record<string, unknown> {
  try {
    return readConfigFile(file);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    problems.push(error.message);
    return {};
  }
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
