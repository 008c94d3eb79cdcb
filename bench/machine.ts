import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

/** A line about the machine and the versions, for the head of a table. */
export function machine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpu?.model.trim() ?? "unknown"}, ${memory} GiB, Linux ${release()}, Node.js ${process.versions.node}`;
}

/** Pins a process, with all of its threads and children, to a core. */
export function pin(pid: number, core: number): void {
  for (const each of family(pid)) {
    const done = spawnSync("taskset", ["-acp", String(core), String(each)], { encoding: "utf8" });
    if (done.status !== 0) throw new Error(`taskset (Debian package util-linux): ${done.error ?? done.stderr}`);
  }
}

/** Seconds of processor time that a process and its children have used. */
export function cpuSeconds(pid: number): number {
  let ticks = 0;
  for (const each of family(pid)) {
    const fields = statOf(each);
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  // The unit of /proc/PID/stat is USER_HZ, which is 100 on every Linux that Node.js runs on.
  return ticks / 100;
}

/** Bytes of memory that a process and its children hold. */
export function residentBytes(pid: number): number {
  return family(pid).reduce((sum, each) => sum + statusOf(each), 0);
}

/** Bytes that the kernel holds for itself: the socket structures among them. */
export function kernelSlabBytes(): number {
  return 1024 * Number(/^Slab:\s+(\d+)/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1] ?? 0);
}

/** A process, its children, and theirs. */
function family(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statOf(Number(name))[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found = [pid];
  for (const each of found) found.push(...(children.get(each) ?? []));
  return found;
}

/** The fields of /proc/PID/stat after the name, which may hold anything. */
function statOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}

function statusOf(pid: number): number {
  try {
    return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
