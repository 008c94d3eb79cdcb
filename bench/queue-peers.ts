/** The job queues that Millrace is compared with, each in a process of its own; their programs are in `bench/peers/queues/`. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Survives, startPostgres, startRedis } from "./queue-servers.ts";

const PEERS = join(import.meta.dirname, "peers", "queues");

/** Messages a second through BullMQ on a Redis of its own. */
export function overRedis(args: readonly string[], messages: Readonly<Record<Survives, number>>) {
  return async (survives: Survives): Promise<number> => {
    await using server = await startRedis(survives);
    return await run("bullmq", server.address, messages[survives], args);
  };
}

/** Messages a second through a queue on a PostgreSQL of its own. */
export function overPostgres(script: string, args: readonly string[], messages: Readonly<Record<Survives, number>>) {
  return async (survives: Survives): Promise<number> => {
    await using server = await startPostgres(survives);
    return await run(script, server.address, messages[survives], args);
  };
}

/** Runs a queue's program to its end. */
async function run(script: string, address: string, messages: number, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [join(PEERS, `${script}.js`), address, `${messages}`, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 120_000,
  });
  const killed = () => child.kill("SIGKILL");
  process.once("exit", killed);
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  process.off("exit", killed);
  const last = printed.trim().split("\n").at(-1) ?? "";
  if (code !== 0 || !last.startsWith("{")) throw new Error(`${script} ended with ${code}`);
  const { rate } = JSON.parse(last);
  return Number(rate);
}

/** The version of a queue, as it is installed here. */
export function versionOf(name: string): string {
  return JSON.parse(readFileSync(join(PEERS, "node_modules", name, "package.json"), "utf8")).version;
}

/** Installs what the lock file says, where it is not there yet. */
export function installPeers(): void {
  const wanted = readFileSync(join(PEERS, "package-lock.json"), "utf8");
  const mark = join(PEERS, "node_modules", ".installed");
  if (existsSync(mark) && readFileSync(mark, "utf8") === wanted) return;
  const done = spawnSync("npm", ["ci", "--ignore-scripts", "--no-fund", "--no-audit", "--no-workspaces"], {
    cwd: PEERS,
    encoding: "utf8",
  });
  if (done.status !== 0) throw new Error(`npm ci in bench/peers/queues: ${done.error ?? done.stderr}`);
  writeFileSync(mark, wanted);
}
