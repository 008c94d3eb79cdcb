import { lookup } from "node:dns/promises";
import { BlockList, isIP, isIPv6 } from "node:net";
import type { ApiKeys, Clock, ServiceSecrets } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import type { Logger } from "pino";
import type { Settings } from "../settings.ts";
import { AccessControl } from "./access-control.ts";

/** What access control is opened with. */
export interface OpenAccessParts {
  readonly settings: Settings;
  readonly apiKeys: ApiKeys;
  readonly serviceSecrets: ServiceSecrets;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether the process answers the API; otherwise it tells of its health alone, which is open to all. */
  readonly servesApi: boolean;
}

/**
 * Opens access control, on or off as the settings and the address to listen on have it.
 * @throws MillraceError SETTING_INVALID where others could reach the API without a credential, or nobody with one
 */
export async function openAccess({ settings, servesApi, ...parts }: OpenAccessParts): Promise<AccessControl> {
  const { access, admin_key: adminKey, host, port } = settings;
  const credentials =
    adminKey !== null || settings.oidc_issuer !== null || (await parts.apiKeys.countLive(parts.clock.now())) > 0;
  // Of a service that was protected, the end of its last key makes none that is open to all.
  const hadKeys = !credentials && (await parts.apiKeys.list({ limit: 1, offset: 0 })).total > 0;
  const local = await isLoopback(host);
  const isOn = wantsCredentials(settings, { local, credentials: credentials || hadKeys });
  if (servesApi && access === "off" && !local) throw exposed(`${at(host, port)} with access: off`, settings);
  if (servesApi && isOn && !credentials) {
    if (!local) throw exposed(at(host, port), settings);
    throw new MillraceError("SETTING_INVALID", whyNobody(settings, hadKeys));
  }
  if (servesApi && access === "unprotected" && !local) {
    parts.log.warn(
      `access is unprotected: whoever can reach ${at(host, port)} may do anything, and run code with pipelines`,
    );
  }
  return AccessControl.open({ ...parts, isOn, adminKey });
}

/** Whether access control is on. `local`: the address to listen on is of this machine alone; `credentials`: there is one, or was. */
export function wantsCredentials(
  settings: ProxiedSettings & Pick<Settings, "access">,
  { local, credentials }: { readonly local: boolean; readonly credentials: boolean },
): boolean {
  if (settings.access !== "auto") return settings.access === "on";
  return !local || credentials || shownToOthers(settings) !== null;
}

/** Whether an address is of this machine alone; a name, whether all its addresses are. */
export async function isLoopback(host: string): Promise<boolean> {
  try {
    const addresses = await lookup(host, { all: true });
    return (
      addresses.length > 0 &&
      addresses.every(({ address }) => loopback.check(address, isIPv6(address) ? "ipv6" : "ipv4"))
    );
  } catch {
    // That it cannot be listened on is told where that is tried.
    return false;
  }
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");
loopback.addSubnet("::ffff:127.0.0.0", 104, "ipv6");

/**
 * The setting, if there is one, by which others than this machine reach a service on a loopback address: it is for proxies,
 * which listen elsewhere. Null where there is none.
 */
export function shownToOthers(settings: ProxiedSettings): string | null {
  if (settings.trusted_proxies.length > 0) return "trusted_proxies";
  if (settings.public_url !== null && !isLocalName(new URL(settings.public_url).hostname)) return "public_url";
  return settings.allowed_hosts.some((name) => !isLocalName(name)) ? "allowed_hosts" : null;
}

/** The settings that are for a proxy in front. */
export type ProxiedSettings = Pick<Settings, "trusted_proxies" | "public_url" | "allowed_hosts">;

/** Whether no other machine's name, or address, is meant. */
function isLocalName(name: string): boolean {
  const bare = name.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return (
    bare === "localhost" ||
    bare.endsWith(".localhost") ||
    (isIP(bare) !== 0 && loopback.check(bare, isIPv6(bare) ? "ipv6" : "ipv4"))
  );
}

/** Why it does not start, where it listens for this machine alone and nobody has a credential. */
function whyNobody(settings: Settings, hadKeys: boolean): string {
  const make = howToMakeOne(settings);
  if (!hadKeys) {
    return settings.access === "on"
      ? `With access: on, nobody could use the API yet. ${make}`
      : `${shownToOthers(settings)} says that others reach the service, through a proxy, and without access control whoever does may run pipelines. ${make} Where the proxy checks access, or leads this machine alone here: --access off.`;
  }
  const why = "Every API key of this service has expired or was revoked: nobody could use it.";
  if (settings.access === "on") return `${why} ${make}`;
  return `${why} ${make} Where nobody else can reach it, or only through a proxy that checks access: --access off.`;
}

function exposed(where: string, settings: Settings): MillraceError {
  return new MillraceError(
    "SETTING_INVALID",
    `Millrace will not listen on ${where}: other machines can reach that address, and without access control whoever does may run pipelines. ${howToMakeOne(settings)} To serve this machine alone, leave out --host. Where only a proxy that checks access can reach it: --access unprotected.`,
  );
}

/** Where keys are made, in words. */
export function howToMakeOne({
  data_dir: dataDir,
  database_url: database,
}: Pick<Settings, "data_dir" | "database_url">): string {
  // A database's URL may hold a password.
  const where = database === null ? `--data-dir ${dataDir}` : '--database-url "$MILLRACE_DATABASE_URL"';
  return `Make an API key first: millrace keys create admin --scopes admin ${where} (or set MILLRACE_ADMIN_KEY, or oidc_issuer).`;
}

function at(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
