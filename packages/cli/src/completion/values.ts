import type { Client } from "@millrace/client";
import { EVENT_TYPES, type Execution, isTerminal } from "@millrace/protocol";
import { connect } from "../connection.ts";
import { workshop } from "../engine-room.ts";
import type { Candidate, Completion, WantedValue } from "./complete.ts";

/** Whoever presses Tab does not wait for a service that is slow, or not there. */
const PATIENCE_MS = 2_000;
/** So many of the newest executions are offered. */
const OFFERED = 200;

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/** Values by their names in the help: files, and what the service that the line or the environment names has. */
export async function findValues(wanted: WantedValue): Promise<Completion> {
  const paths = pathsOf(wanted);
  if (paths !== "none") return { candidates: [], paths };
  try {
    return { candidates: await candidatesOf(wanted), paths };
  } catch {
    // A wrong address, or no service: then there is nothing to offer.
    return { candidates: [], paths };
  }
}

function pathsOf({ name, command }: WantedValue): Completion["paths"] {
  if (name === "dir") return "folders";
  if (name !== "file") return "none";
  return /^(?:run|validate|configs (?:create|update))$/.test(command) ? "yaml" : "files";
}

async function candidatesOf(wanted: WantedValue): Promise<Candidate[]> {
  const { name, command, operands, options } = wanted;
  const url = options.get("--url");
  const project = options.get("--project");
  const apiKey = options.get("--api-key");
  const client = connect({
    ...(url === undefined ? {} : { url }),
    ...(project === undefined ? {} : { project }),
    ...(apiKey === undefined ? {} : { apiKey }),
  });
  const call = { signal: AbortSignal.timeout(PATIENCE_MS) };
  const [id = ""] = operands;
  switch (name) {
    case "id":
      return executions(client, call, command);
    case "tag":
      // Elsewhere it is a name for something new.
      return command === "executions list"
        ? (await executions(client, call, command)).filter(({ value }) => !isId(value))
        : [];
    case "config":
      return (await client.configs.list({ limit: OFFERED }, call)).configs.map((config) => ({
        value: config.name,
        description: config.description ?? `version ${config.version}`,
      }));
    case "project":
      return (await client.projects.list({ limit: OFFERED }, call)).projects.map(
        ({ name: value, executions: runs }) => ({
          value,
          description: `${runs} executions`,
        }),
      );
    case "collection":
      return (await client.search.collections({ limit: OFFERED }, call)).collections.map(
        ({ name: value, documents }) => ({
          value,
          description: `${documents} documents`,
        }),
      );
    case "key-id":
      return keys(client, call, command);
    case "route":
    case "routes":
      return (await client.executions.routes(id, call)).routes.map((route) => ({
        value: route.route,
        description: route.name ?? "",
      }));
    case "adapter":
      return unique((await client.executions.dag(id, call)).nodes.flatMap(({ adapter }) => adapter ?? []));
    case "code":
      return unique((await client.executions.failureGroups(id, {}, call)).groups.map(({ code }) => code));
    case "message":
      return (await client.executions.failures(id, { limit: OFFERED, payload: false }, call)).failures.map(
        (failure) => ({
          value: failure.message_id,
          description: `${failure.route}: ${failure.error.code}`,
        }),
      );
    case "type":
      return adapterTypes();
    case "types":
      return unique([...EVENT_TYPES]);
    case "level":
      return unique(LEVELS);
    default:
      return [];
  }
}

/** By their tags, where they have one: that is what they were given it for. */
async function executions(client: Client, call: { signal: AbortSignal }, command: string): Promise<Candidate[]> {
  const page = await client.executions.list({ limit: OFFERED }, call);
  return page.executions
    .filter(({ status }) =>
      command === "executions cancel" ? !isTerminal(status) : command !== "executions delete" || isTerminal(status),
    )
    .map((execution) => ({ value: execution.tag ?? execution.id, description: describe(execution) }));
}

/** Those that are still good for something. */
async function keys(client: Client, call: { signal: AbortSignal }, command: string): Promise<Candidate[]> {
  const page = await client.keys.list({ limit: OFFERED }, call);
  return page.keys
    .filter(({ revoked_at, rotated_to }) => revoked_at === null && (command === "keys revoke" || rotated_to === null))
    .map(({ id, name, scopes, project }) => ({
      value: id,
      description: `${name}, ${scopes.join(", ")}, ${project ?? "all projects"}`,
    }));
}

function describe({ config_snapshot, status, started_at }: Execution): string {
  const { name } = config_snapshot;
  return `${typeof name === "string" ? `${name}, ` : ""}${status}, started ${started_at.slice(0, 16).replace("T", " ")}`;
}

async function adapterTypes(): Promise<Candidate[]> {
  const { createAdapterRegistry } = await workshop();
  const registry = await createAdapterRegistry({ adaptersDir: null, baseDir: process.cwd() });
  return registry.list().map(({ type, description }) => ({ value: type, description }));
}

function unique(values: readonly string[]): Candidate[] {
  return [...new Set(values)].map((value) => ({ value, description: "" }));
}

function isId(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(text);
}
