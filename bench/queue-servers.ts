/** Redis and PostgreSQL for the queues that Millrace is compared with: started here, each on a folder and port of its own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** What a commit survives: the death of a process, or a power cut as well. */
export type Survives = "process" | "power";

/** A server that runs until it is disposed of. */
export interface QueueServer extends AsyncDisposable {
  /** For the client: a port, or a connection string. */
  readonly address: string;
}

const REDIS = "/usr/bin/redis-server";
const POSTGRES = "/usr/lib/postgresql";

/** The version, or null where the Debian package is not installed. */
export function redisVersion(): string | null {
  return existsSync(REDIS) ? (/v=(\S+)/.exec(spawnSync(REDIS, ["--version"]).stdout.toString())?.[1] ?? "") : null;
}

/** The version, or null where the Debian package is not installed. */
export function postgresVersion(): string | null {
  const folder = postgresFolder();
  if (folder === null) return null;
  return /\d[\d.]*/.exec(spawnSync(join(folder, "postgres"), ["--version"]).stdout.toString())?.[0] ?? "";
}

/** Redis with its append-only file, flushed to the disk every second, or before each answer. */
export async function startRedis(survives: Survives): Promise<QueueServer> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-redis-"));
  const port = await freePort();
  const flush = survives === "power" ? "always" : "everysec";
  const args = ["--bind", "127.0.0.1", "--port", `${port}`, "--dir", folder, "--save", ""];
  const server = spawn(REDIS, [...args, "--appendonly", "yes", "--appendfsync", flush], { stdio: "ignore" });
  const stop = stopper(server, folder, "SIGTERM");
  await answers(port, server);
  return { address: `${port}`, [Symbol.asyncDispose]: stop };
}

/** PostgreSQL as Debian sets it up, with more shared memory; commits are flushed to the disk at once, or soon after. */
export async function startPostgres(survives: Survives): Promise<QueueServer> {
  const binaries = postgresFolder();
  if (binaries === null) throw new Error("The Debian package postgresql is not installed.");
  const folder = mkdtempSync(join(tmpdir(), "millrace-postgres-"));
  const data = join(folder, "data");
  mkdirSync(data);
  // PostgreSQL refuses to run as root.
  const owner = process.getuid?.() === 0 ? userId("postgres") : null;
  if (owner !== null) for (const path of [folder, data]) chownSync(path, owner.uid, owner.gid);
  const as = owner === null ? {} : owner;
  const made = spawnSync(join(binaries, "initdb"), ["-D", data, "-A", "trust", "-U", "postgres"], {
    ...as,
    cwd: folder,
  });
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const port = await freePort();
  const settings = [
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${folder}`,
    "shared_buffers=512MB",
    "max_wal_size=4GB",
    `synchronous_commit=${survives === "power" ? "on" : "off"}`,
  ];
  const args = ["-D", data, "-p", `${port}`, ...settings.flatMap((setting) => ["-c", setting])];
  const server = spawn(join(binaries, "postgres"), args, { ...as, cwd: folder, stdio: "ignore" });
  // A fast shutdown: sessions are closed.
  const stop = stopper(server, folder, "SIGINT");
  await answers(port, server);
  const ready = () =>
    spawnSync(join(binaries, "pg_isready"), ["-q", "-h", "127.0.0.1", "-p", `${port}`], { cwd: folder }).status === 0;
  while (!ready()) await wait(50);
  return {
    address: `postgres://postgres@127.0.0.1:${port}/postgres`,
    [Symbol.asyncDispose]: stop,
  };
}

function postgresFolder(): string | null {
  if (!existsSync(POSTGRES)) return null;
  const newest = readdirSync(POSTGRES)
    .sort((a, b) => Number(b) - Number(a))
    .at(0);
  return newest === undefined ? null : join(POSTGRES, newest, "bin");
}

function userId(name: string): { uid: number; gid: number } {
  const id = (flag: string) => Number(spawnSync("id", [flag, name]).stdout.toString());
  return { uid: id("-u"), gid: id("-g") };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("there is no free port");
  return address.port;
}

async function answers(port: number, server: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (server.exitCode !== null) break;
    const socket = connect(port, "127.0.0.1");
    const connected = await Promise.race([
      once(socket, "connect").then(
        () => true,
        () => false,
      ),
      wait(1_000, false),
    ]);
    socket.destroy();
    if (connected) return;
    await wait(50);
  }
  throw new Error(`${server.spawnfile} does not answer on port ${port}`);
}

/** The way to stop a server and remove its folder; it also happens, in short, when this process exits. */
function stopper(server: ChildProcess, folder: string, signal: NodeJS.Signals): () => Promise<void> {
  const clean = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  const atExit = () => {
    server.kill(signal);
    clean();
  };
  process.once("exit", atExit);
  return async () => {
    process.off("exit", atExit);
    if (server.exitCode === null && server.kill(signal)) await once(server, "exit");
    clean();
  };
}
