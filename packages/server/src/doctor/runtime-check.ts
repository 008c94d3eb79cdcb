import { accessSync, constants, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Check } from "./check.ts";
import { type Found, ok, problem, warning } from "./finding.ts";
import { messageOf } from "./words.ts";

/** The oldest Node.js that runs the service. */
const OLDEST_NODE = 24;

/** Descriptors that a process needs beside its streams: the database, requests, adapters. */
const OTHER_FILES = 256;

/** What the process runs on: Node.js, time zones, open files, the temporary folder. */
export const runtimeCheck: Check = {
  name: "runtime",
  run({ report: { settings }, environment }) {
    return [
      checkNode(process.versions.node),
      ...checkTimeZones(environment.TZ, process.versions.tz),
      ...checkOpenFiles(openFileLimit(), settings.max_subscribers, settings.workers),
      ...checkTemporaryFolder(),
    ];
  },
};

/** Whether this version of Node.js will do. */
export function checkNode(version: string): Found {
  return Number(version.split(".")[0]) >= OLDEST_NODE
    ? ok(`Node.js ${version}, of which ${OLDEST_NODE} or newer is needed.`)
    : problem(`Node.js ${version} is too old.`, `Run it with ${OLDEST_NODE} or newer; npm ci brings one along.`);
}

/** Triggers run by time zones: their data, and the process's own zone. */
export function checkTimeZones(zone: string | undefined, data: string | undefined): Found[] {
  const known = new Set(Intl.supportedValuesOf("timeZone"));
  if (known.size < 100) {
    return [
      problem(
        "This Node.js has no data of time zones: triggers with a `timezone` cannot be scheduled.",
        "Use a Node.js with full ICU, as the published builds have.",
      ),
    ];
  }
  if (zone !== undefined && zone !== "" && !isZone(zone)) {
    return [
      warning(
        `TZ is ${JSON.stringify(zone.slice(0, 60))}, which is no time zone: local times are taken for UTC.`,
        "Set it to a name as Europe/Berlin, or take it out.",
      ),
    ];
  }
  return [ok(`${known.size} time zones (data ${data ?? "of the system"}).`)];
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone.replace(/^:/, "") });
    return true;
  } catch {
    return false;
  }
}

/** Each stream is a connection, and each connection an open file. */
export function checkOpenFiles(limit: number | null, maxSubscribers: number, workers: number): Found[] {
  if (limit === null) return [];
  const needed = Math.ceil(maxSubscribers / workers) + OTHER_FILES;
  const each = workers > 1 ? `, ${workers} workers share them` : "";
  if (limit >= needed) return [ok(`${limit} open files are allowed; max_subscribers needs ${needed}${each}.`)];
  return [
    warning(
      `${limit} open files are allowed, and max_subscribers (${maxSubscribers}${each}) needs ${needed}: connections beyond are refused before the service can say why.`,
      `Raise the limit (LimitNOFILE=${needed} of systemd, --ulimit nofile=${needed} of a container), or set max_subscribers to ${Math.max(0, (limit - OTHER_FILES) * workers)}.`,
    ),
  ];
}

/** As the system tells it of this process; null where it does not. Node.js has raised it to what it may have. */
function openFileLimit(): number | null {
  try {
    const [, soft] = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? null : soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return null;
  }
}

/** Sockets of workers, compiled code and large results go there. */
function checkTemporaryFolder(): Found[] {
  try {
    accessSync(tmpdir(), constants.W_OK | constants.X_OK);
    return [];
  } catch (error) {
    return [
      problem(
        `The temporary folder cannot be written: ${messageOf(error)}.`,
        "Mount one there, or name another with TMPDIR.",
      ),
    ];
  }
}
