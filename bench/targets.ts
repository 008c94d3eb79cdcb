import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@millrace/protocol";
import { ServiceProcess } from "../test/support/service-process.ts";
import { compileDriver, type Publishing } from "./driver/driver.ts";
import { pin } from "./machine.ts";

/** A server that the driver can be set upon. */
export interface Target {
  readonly name: string;
  readonly version: string;
  readonly url: string;
  readonly pid: number;
  /** The streams: one per topic. */
  readonly paths: readonly string[];
  readonly publishing: Publishing;
  stop(): Promise<void>;
}

/** Starts a target whose frames are to have so many bytes, as far as that can be chosen, on `core` alone. */
export type Start = (frameBytes: number, core: number | null) => Promise<Target>;

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
    stop: () => service[Symbol.asyncDispose](),
    service,
    executionIds,
  };
}

/** The service with a run that is over, of about so many events; `path` is its stream. */
export async function startFinished(
  events: number,
  core: number | null,
): Promise<{ readonly url: string; readonly pid: number; readonly path: string; stop(): Promise<void> }> {
  const service = await ServiceProcess.start();
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
    stop: () => service[Symbol.asyncDispose](),
  };
}

/** Plain `node:http` that sends so many bytes of a stream from memory. */
export async function startFile(bytes: number, core: number | null): Promise<Target> {
  const { child, url } = await listening(process.execPath, [join(SSE_PEERS, "file.js"), String(bytes)]);
  if (core !== null) pin(child.pid ?? 0, core);
  return peer("node:http from memory", process.versions.node, url, child, 0);
}

const SSE_PEERS = join(import.meta.dirname, "peers", "sse");

/** Servers of npm packages, over the runtime that Millrace has. */
export function nodePeer(
  name: string,
  script: string,
  packageName: string | null,
  args: readonly string[] = [],
): Start {
  return async (frameBytes, core) => {
    installSsePeers();
    const { child, url } = await listening(process.execPath, [join(SSE_PEERS, script), ...args]);
    if (core !== null) pin(child.pid ?? 0, core);
    const version =
      packageName === null
        ? process.versions.node
        : versionIn(`bench/peers/sse/node_modules/${packageName}/package.json`);
    return peer(name, version, url, child, frameBytes);
  };
}

/** nchan, the fan-out module of nginx, with so many workers; a subscriber's channel is what its path ends with. */
export function startNchan(workers: number, channels = 1): Start {
  return async (frameBytes, core) => {
    const module = "/usr/lib/nginx/modules/ngx_nchan_module.so";
    installDebian(() => existsSync(module), ["nginx", "libnginx-mod-nchan"]);
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), "millrace-nchan-"));
    writeFileSync(join(folder, "nginx.conf"), nginxConf(folder, module, port, workers));
    const child = spawn("nginx", ["-p", folder, "-c", "nginx.conf", "-e", "error.log"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const url = `http://127.0.0.1:${port}`;
    await answering(`${url}/health`, child);
    if (core !== null) pin(child.pid ?? 0, core);
    const asked = spawnSync("dpkg-query", ["-W", "-f", "${Version}", "libnginx-mod-nchan"], { encoding: "utf8" });
    const version = `${/[\d.]+(?=\+|-|$)/.exec(asked.stdout)?.[0] ?? ""}${workers > 1 ? `, ${workers} workers` : ""}`;
    const started = peer("nchan", version, url, child, frameBytes);
    return {
      ...started,
      paths: Array.from({ length: channels }, (_, channel) => `/sub/${channel}`),
      publishing: { kind: "post", path: "/pub/%u", bytes: frameBytes - 30 },
      stop: async () => {
        await started.stop();
        rmSync(folder, { recursive: true });
      },
    };
  };
}

/** The server in C that does least: one write per client and event, or per client and turn of its loop. */
export function ceiling(batch: boolean): Start {
  return async (frameBytes, core) => {
    const { child, url } = await listening(compileDriver(), [batch ? "ceiling-batch" : "ceiling", String(frameBytes)]);
    if (core !== null) pin(child.pid ?? 0, core);
    return peer(
      batch ? "C, a write per client and turn" : "C, a write per client and event",
      "",
      url,
      child,
      frameBytes,
    );
  };
}

function peer(name: string, version: string, url: string, child: ChildProcess, frameBytes: number): Target {
  return {
    name,
    version,
    url,
    pid: child.pid ?? 0,
    paths: ["/sub"],
    // What a frame has beside its data differs little: the id, and the names of fields.
    publishing: { kind: "post", path: "/pub", bytes: frameBytes - 30 },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill();
      await gone;
    },
  };
}

function installSsePeers(): void {
  const folder = join(SSE_PEERS, "node_modules");
  const wanted = join(SSE_PEERS, "package-lock.json");
  if (existsSync(join(folder, ".package-lock.json")) && readFileSync(wanted, "utf8") === installedLock()) return;
  const done = spawnSync("npm", ["ci", "--ignore-scripts", "--no-fund", "--no-audit"], {
    cwd: SSE_PEERS,
    encoding: "utf8",
  });
  if (done.status !== 0) throw new Error(`npm ci in bench/peers/sse: ${done.error ?? done.stderr}`);
  writeFileSync(join(folder, ".installed"), readFileSync(wanted));
}

function installedLock(): string {
  const file = join(SSE_PEERS, "node_modules", ".installed");
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** @throws Error where the packages are missing and cannot be installed */
function installDebian(there: () => boolean, packages: readonly string[]): void {
  if (there()) return;
  if (process.getuid?.() === 0) {
    spawnSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { stdio: "ignore" });
  }
  if (!there()) throw new Error(`This needs Debian's ${packages.join(" and ")}: apt-get install ${packages.join(" ")}`);
}

async function listening(command: string, args: readonly string[]): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", (chunk) => {
      text += chunk;
      if (text.includes("\n")) resolve(text.trim());
    });
    child.once("exit", (code) => reject(new Error(`${command} ${args.join(" ")} ended with ${code}`)));
  });
  return { child, url };
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (child.exitCode !== null) break;
    try {
      if ((await fetch(url)).ok) return;
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} does not answer`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

function versionIn(path: string): string {
  return JSON.parse(readFileSync(join(import.meta.dirname, "..", path), "utf8")).version;
}

function nginxConf(folder: string, module: string, port: number, workers: number): string {
  return `load_module ${module};
daemon off;
pid ${folder}/nginx.pid;
worker_processes ${workers};
worker_rlimit_nofile 20000;
events { worker_connections 19000; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /health { return 200; }
    location ~ ^/sub/(\\d+)$ { nchan_subscriber eventsource; nchan_channel_id $1; nchan_subscriber_first_message newest; }
    location ~ ^/pub/(\\d+)$ { nchan_publisher; nchan_channel_id $1; }
  }
}
`;
}
