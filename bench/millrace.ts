import { join } from "node:path";
import type { JsonObject } from "@millrace/protocol";
import { ServiceProcess } from "../test/support/service-process.ts";
import { pin } from "./machine.ts";
import { endWithUs, hasEnded, type Target, versionIn } from "./target.ts";

/** How the real service is set up for a measurement. */
export interface MillraceOptions {
  /** Executions to watch. */
  readonly executions?: number;
  /** Messages in flight in each of them, and gates that each passes: their product is the events that there are. */
  readonly messages?: number;
  readonly gates?: number;
  readonly flags?: readonly string[];
}

/** A pipeline whose every trigger makes one event: messages wait at gates, and each that passes tells of the next. */
export function gated(socket: string, messages: number, gates: number): string {
  const steps = Array.from(
    { length: gates },
    (_, index) => `      - { type: gate, name: gate-${index}, config: { socket: ${socket} } }`,
  );
  const route = `  wait:
    inbound: { concurrency: ${messages} }
    adapters:
${steps.join("\n")}
`;
  const make = `  make:
    adapters: [{ type: split, config: { field: messages } }]
    outbound: [wait]
`;
  return `version: "1.0"
name: gated
limits: { max_handlers: ${messages + 1} }
error_handling: { timeout_seconds: 3600 }
routes:
${messages > 1 ? make : ""}${route}init_message: { route: ${messages > 1 ? "make" : "wait"} }
`;
}

function payloadOf(topic: number, messages: number): JsonObject {
  return messages === 1 ? { topic } : { messages: Array.from({ length: messages }, () => ({ topic })) };
}

const STARTED_AT_ONCE = 16;

/** The service as a user starts it, with an adapter of a user's own that waits for the driver. */
export async function startMillrace(
  { executions = 1, messages = 1_000, gates = 60, flags = [] }: MillraceOptions,
  core: number | null,
): Promise<Target & { readonly service: ServiceProcess; readonly executionIds: readonly string[] }> {
  const service = await ServiceProcess.start([
    "--adapters-dir",
    join(import.meta.dirname, "adapters"),
    "--max-executions",
    String(executions + 100),
    ...flags,
  ]);
  endWithUs(service.pid);
  if (core !== null) pin(service.pid, core);
  const socket = join(service.dataDir, "gates");
  const config = await service.client.configs.create({ config_yaml: gated(socket, messages, gates), name: "gated" });
  const executionIds: string[] = [];
  for (let topic = 0; topic < executions; topic += STARTED_AT_ONCE) {
    const topics = Array.from({ length: Math.min(STARTED_AT_ONCE, executions - topic) }, (_, index) => topic + index);
    const started = await Promise.all(
      topics.map((topic) => service.client.configs.run(config.id, { payload: payloadOf(topic, messages) })),
    );
    executionIds.push(...started.map(({ id }) => id));
  }
  return {
    name: "Millrace",
    version: versionIn("packages/cli/package.json"),
    url: service.url,
    get pid() {
      return service.pid;
    },
    paths: executionIds.map((id) => `/api/v1/executions/${id}/events?timeout=3600&since=now`),
    publishing: { kind: "gate", socket },
    stop: () => stop(service),
    service,
    executionIds,
  };
}

async function stop(service: ServiceProcess): Promise<void> {
  const { pid } = service;
  await service[Symbol.asyncDispose]();
  hasEnded(pid);
}

/** The service with a run that is over, of about so many events; `path` is its stream. */
export async function startFinished(
  events: number,
  core: number | null,
): Promise<{ readonly url: string; readonly pid: number; readonly path: string; stop(): Promise<void> }> {
  const service = await ServiceProcess.start();
  endWithUs(service.pid);
  if (core !== null) pin(service.pid, core);
  // A message that nothing comes of has three: initiated, processing, completed.
  const id = await service.run(`version: "1.0"
name: finished
routes:
  make:
    adapters: [{ type: generate, config: { count: ${Math.round(events / 3)} } }]
    outbound: [sink]
  sink:
    inbound: { concurrency: 8 }
    adapters: [{ type: filter, config: { when: "false" } }]
init_message: { route: make }
`);
  await service.client.executions.wait(id, 600);
  return {
    url: service.url,
    pid: service.pid,
    path: `/api/v1/executions/${id}/events?timeout=3600`,
    stop: () => stop(service),
  };
}
