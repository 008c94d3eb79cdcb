import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Settings, SettingsReport } from "../settings.ts";
import type { Check } from "./check.ts";
import { type Found, ok, problem, warning } from "./finding.ts";
import { isLoopback } from "./words.ts";

/** Bits of a mode by which others than the owner and the group read. */
const OTHERS_READ = 0o004;

/** All sources of settings: what is wrong, what is ignored, and what goes together badly. */
export const settingsCheck: Check = {
  name: "settings",
  run({ report }) {
    const { problems, warnings } = report;
    const found = [
      ...problems.map((text) => problem(text, "Correct it: the service does not start with it.")),
      ...warnings.map((text) => warning(text, "Correct its name, or take it out.")),
      ...exposure(report),
      ...secretsInTheOpen(report),
      ...riskyValues(report.settings),
    ];
    return found.length > 0 ? found : [ok(inWords(report))];
  },
};

function inWords({ origins }: SettingsReport): string {
  const set = Object.values(origins);
  return set.length === 0 ? "All settings have their defaults." : `Set: ${set.join(", ")}.`;
}

/** Who may reach what, beside the service itself. */
function exposure({ settings }: SettingsReport): Found[] {
  const found: Found[] = [];
  if (settings.cors_origins.includes("*")) {
    found.push(
      warning(
        "cors_origins is *: pages of any site may call the API from the browsers of those who reach it.",
        "Name the origins that need it.",
      ),
    );
  }
  for (const [name, url] of plainWays(settings)) {
    found.push(
      warning(
        `${name} leads to ${url.hostname} without TLS: whoever is on the way reads payloads and credentials.`,
        name === "database_url"
          ? "Add ?sslmode=verify-full, unless the network is yours alone."
          : `Use ${name === "nats_url" ? "tls://" : "an endpoint with https://"}, unless the network is yours alone.`,
      ),
    );
  }
  const metadata = settings.http_allow_hosts.filter((host) => /^169\.254\.|metadata/.test(host));
  if (metadata.length > 0) {
    found.push(
      warning(
        `http_allow_hosts names ${metadata.join(", ")}: pipelines can ask the cloud's metadata service for this machine's credentials.`,
        "Take it out.",
      ),
    );
  }
  return found;
}

/** Ways to other machines that are not encrypted, as far as a URL says so. */
function plainWays({ database_url: database, nats_url: nats, objects_url: objects }: Settings): [string, URL][] {
  const ways: [string, URL][] = [];
  const far = (name: string, text: string | null, isPlain: (url: URL) => boolean) => {
    if (text === null || !URL.canParse(text)) return;
    const url = new URL(text);
    if (url.hostname !== "" && !isLoopback(url.hostname) && isPlain(url)) ways.push([name, url]);
  };
  far("database_url", database, ({ searchParams }) =>
    ["", "disable", "allow", "prefer"].includes(searchParams.get("sslmode") ?? ""),
  );
  for (const server of nats?.split(",") ?? []) far("nats_url", server.trim(), ({ protocol }) => protocol === "nats:");
  const endpoint = objects !== null && URL.canParse(objects) ? new URL(objects).searchParams.get("endpoint") : null;
  far("objects_url", endpoint, ({ protocol }) => protocol === "http:");
  return ways;
}

/** Passwords where other users of the machine read them. */
function secretsInTheOpen({ settings, origins, configFile }: SettingsReport): Found[] {
  const found: Found[] = [];
  const withPassword = [
    ...(["database_url", "nats_url"] as const).filter((name) => hasPassword(settings[name])),
    ...(["admin_key", "oidc_client_secret"] as const).filter((name) => settings[name] !== null),
  ];
  for (const name of withPassword) {
    if (!origins[name]?.startsWith("--")) continue;
    found.push(
      warning(
        `${origins[name]} has a credential in it: all users of this machine see it in the list of processes.`,
        `Put it into MILLRACE_${name.toUpperCase()} or the config file.`,
      ),
    );
  }
  const inFile = withPassword.filter((name) => origins[name]?.startsWith(`${name} in `));
  if (configFile !== undefined && inFile.length > 0 && (statSync(configFile).mode & OTHERS_READ) !== 0) {
    found.push(
      warning(
        `${configFile} has credentials in it (${inFile.join(", ")}), and all users of this machine may read it.`,
        `chmod 600 ${configFile}`,
      ),
    );
  }
  return found;
}

/** A user of NATS without a password is a token. */
function hasPassword(urls: string | null): boolean {
  return (urls ?? "").split(",").some((text) => {
    if (!URL.canParse(text.trim())) return false;
    const { protocol, username, password } = new URL(text.trim());
    return password !== "" || (username !== "" && !protocol.startsWith("postgres"));
  });
}

function riskyValues(settings: Settings): Found[] {
  const found: Found[] = [];
  const cores = availableParallelism();
  if (settings.workers > cores) {
    found.push(
      warning(
        `workers is ${settings.workers}, and there are ${cores} cores.`,
        "More workers than cores serve no more.",
      ),
    );
  }
  if (settings.database_url !== null && settings.shutdown_grace === 0) {
    found.push(
      warning(
        "shutdown_grace is 0: what is in flight when a node is stopped is done again by others.",
        "Give it some seconds.",
      ),
    );
  }
  if (settings.max_subscribers === 0) {
    found.push(warning("max_subscribers is 0: nobody can watch anything.", "Raise it, unless that is meant."));
  }
  return found;
}
