import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileDriver } from "../driver/driver.ts";
import { pin } from "../machine.ts";
import { endWithUs, hasEnded, type Start, type Target, versionIn } from "../target.ts";

const SSE_PEERS = join(import.meta.dirname, "sse");

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
  endWithUs(child.pid ?? 0);
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
      hasEnded(child.pid ?? 0);
    },
  };
}

/** npm's packages, in versions that the lock file holds; anew where it has changed. */
function installSsePeers(): void {
  const lock = readFileSync(join(SSE_PEERS, "package-lock.json"), "utf8");
  const installed = join(SSE_PEERS, "node_modules", ".installed");
  if (existsSync(installed) && readFileSync(installed, "utf8") === lock) return;
  const done = spawnSync("npm", ["ci", "--ignore-scripts", "--no-fund", "--no-audit"], {
    cwd: SSE_PEERS,
    encoding: "utf8",
  });
  if (done.status !== 0) throw new Error(`npm ci in bench/peers/sse: ${done.error ?? done.stderr}`);
  writeFileSync(installed, lock);
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

/** Plain `node:http` that sends so many bytes of a stream from memory. */
export async function startFile(bytes: number, core: number | null): Promise<Target> {
  const { child, url } = await listening(process.execPath, [join(SSE_PEERS, "file.js"), String(bytes)]);
  if (core !== null) pin(child.pid ?? 0, core);
  return peer("node:http from memory", process.versions.node, url, child, 0);
}
