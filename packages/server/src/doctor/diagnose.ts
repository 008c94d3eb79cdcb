import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type PostgresProbe, probeDataDir, probeNats, probePostgres } from "@millrace/stores/probe";
import { inspectSettings, type SettingSources, type SettingsReport } from "../settings.ts";
import { VERSION } from "../version.ts";
import { accessCheck } from "./access-check.ts";
import { type AccessLook, lookAtAccess } from "./access-look.ts";
import { brokerCheck } from "./broker-check.ts";
import type { Check, CheckContext } from "./check.ts";
import { clockCheck } from "./clock-check.ts";
import { dataDirCheck, isHidden } from "./data-dir-check.ts";
import { databaseCheck } from "./database-check.ts";
import { diskCheck } from "./disk-check.ts";
import { filesCheck } from "./files-check.ts";
import { type Diagnosis, type Finding, problem } from "./finding.ts";
import { lookAtService, type ServiceLook } from "./look-at-service.ts";
import { objectsCheck } from "./objects-check.ts";
import { portCheck } from "./port-check.ts";
import { postgresCheck } from "./postgres-check.ts";
import { runtimeCheck } from "./runtime-check.ts";
import { secretsCheck } from "./secrets-check.ts";
import { serviceCheck } from "./service-check.ts";
import { settingsCheck } from "./settings-check.ts";
import { signOnCheck } from "./sign-on-check.ts";
import { tracesCheck } from "./traces-check.ts";
import { messageOf } from "./words.ts";

/** What is asked of a diagnosis. */
export interface DiagnoseOptions {
  readonly sources: SettingSources;
  /** A running service; null: the one that answers where the settings say, if one does. */
  readonly url: string | null;
  /** What the service is asked with, as a credential. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether database files are read through whatever their size. */
  readonly deep: boolean;
}

/** Files up to this size are read through: it takes seconds. */
const QUICK_BYTES = 1024 * 1024 * 1024;

/** In the order in which a person would look. */
const CHECKS: readonly Check[] = [
  settingsCheck,
  runtimeCheck,
  dataDirCheck,
  diskCheck,
  databaseCheck,
  postgresCheck,
  brokerCheck,
  objectsCheck,
  accessCheck,
  signOnCheck,
  clockCheck,
  portCheck,
  secretsCheck,
  filesCheck,
  tracesCheck,
  serviceCheck,
];

/** Checks an installation, whether its service runs or not. Nothing is changed by it, and no secret is in what it says. */
export async function diagnose(options: DiagnoseOptions): Promise<Diagnosis> {
  const report = inspectSettings(options.sources);
  const context = await contextOf(report, options);
  const hide = hider(report, options.sources.env);
  const findings: Finding[] = [];
  for (const check of CHECKS) {
    for (const { status, message, advice } of await run(check, context)) {
      findings.push({
        check: check.name,
        status,
        message: hide(message),
        advice: advice === null ? null : hide(advice),
      });
    }
  }
  const states = findings.map(({ status }) => status);
  return {
    status: states.includes("problem") ? "problem" : states.includes("warning") ? "warning" : "ok",
    version: VERSION,
    node_version: process.version,
    findings,
  };
}

async function run(check: Check, context: CheckContext) {
  try {
    return await check.run(context);
  } catch (error) {
    return [problem(`It could not be looked at: ${messageOf(error)}.`)];
  }
}

async function contextOf(
  report: SettingsReport,
  { sources, url, headers, deep }: DiagnoseOptions,
): Promise<CheckContext> {
  const { data_dir, database_url: databaseUrl, nats_url: natsUrl } = report.settings;
  const dataDir = resolve(data_dir);
  const [postgres, service] = await Promise.all([
    databaseUrl === null ? null : probePostgres(databaseUrl),
    serviceAt(report, url, headers),
  ]);
  const clusterId = postgres?.kind === "reached" ? postgres.clusterId : null;
  const nats = natsUrl === null ? null : await probeNats(natsUrl, clusterId).catch(unreached);
  const isStore = databaseUrl === null && existsSync(dataDir) && !isHidden(dataDir);
  const dataDirProbe = isStore ? probeDataDir(dataDir, deep ? Number.POSITIVE_INFINITY : QUICK_BYTES) : null;
  const keys = postgres === null ? (dataDirProbe === null ? keysUnseen(dataDir) : dataDirProbe.keys) : keysIn(postgres);
  return {
    report,
    environment: sources.env,
    deep,
    dataDir,
    dataDirProbe,
    postgres,
    nats,
    access: await lookAtAccess(report.settings, keys),
    service,
  };
}

/** Without a database there are no keys in it. */
function keysUnseen(dataDir: string): AccessLook["keys"] {
  return isHidden(dataDir) ? null : { live: 0, made: 0 };
}

function keysIn(postgres: PostgresProbe): AccessLook["keys"] {
  return postgres.kind === "reached" ? postgres.keys : null;
}

function unreached(error: unknown) {
  return { kind: "unreachable", message: messageOf(error) } as const;
}

/** The service that is named; else the one that answers where it is to listen, or none. */
async function serviceAt(
  { settings: { host, port } }: SettingsReport,
  url: string | null,
  headers: DiagnoseOptions["headers"],
): Promise<ServiceLook | null> {
  if (url !== null) return lookAtService(url, headers);
  if (port === 0) return null;
  const reached = ["0.0.0.0", "::", ""].includes(host) ? "127.0.0.1" : host;
  const look = await lookAtService(`http://${reached.includes(":") ? `[${reached}]` : reached}:${port}`, headers);
  // Nobody said that one is there.
  return look.kind === "answered" ? look : null;
}

/** Whatever a server or the system says, what must not be shown is not shown. */
function hider({ settings }: SettingsReport, env: SettingSources["env"]): (text: string) => string {
  const urls = [settings.database_url, settings.nats_url, settings.objects_url]
    .flatMap((text) => text?.split(",") ?? [])
    .filter((text) => URL.canParse(text))
    .map((text) => new URL(text));
  const secrets = [
    ...urls.flatMap(({ protocol, username, password }) => [
      password,
      // A user of NATS without a password is a token.
      protocol.startsWith("postgres") || password !== "" ? "" : username,
    ]),
    settings.admin_key ?? "",
    settings.oidc_client_secret ?? "",
    ...Object.entries(env)
      .filter(([name]) => isSecret(name))
      .map(([, value]) => value ?? ""),
  ]
    .flatMap((secret) => [secret, decoded(secret)])
    // A shorter one would take words apart, and protects nothing.
    .filter((secret) => secret.length >= 4);
  return (text) => secrets.reduce((shown, secret) => shown.replaceAll(secret, "…"), text);
}

/** Whether a variable holds something that must not be shown, and not where such things are. */
function isSecret(variable: string): boolean {
  if (/^MILLRACE_(?:SHARED_)?SECRET_/.test(variable)) return true;
  return /SECRET|PASSWORD|TOKEN|(?:API|ADMIN)_KEY/.test(variable) && !/_(?:DIR|FILE|PATH|URL|TTL)$/.test(variable);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
