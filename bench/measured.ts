import type { Driver, Run } from "./driver/driver.ts";
import { cpuSeconds } from "./machine.ts";
import type { Target } from "./target.ts";

/** A stretch of publishing, and what it cost the server. */
export interface Measured extends Run {
  /** Microseconds of the server's processor time per delivery. */
  readonly cpuUs: number;
}

/** The cores that a server and its driver have to themselves. */
export const SERVER_CORE = 0;
export const DRIVER_CORE = 1;

/**
 * A stretch of publishing.
 * @throws Error where an event did not reach everybody
 */
export async function stretch(driver: Driver, target: Target, publish: () => Promise<Run>): Promise<Measured> {
  const before = cpuSeconds(target.pid);
  const run = await publish();
  const cpuUs = ((cpuSeconds(target.pid) - before) / run.deliveries) * 1e6;
  if (run.outstanding > 0) throw new Error(`${target.name}: ${run.outstanding} events did not reach everybody`);
  await driver.settle(0.1);
  return { ...run, cpuUs };
}

/** The fastest of several stretches: what else the machine does only ever makes one slower. */
export async function best(
  driver: Driver,
  target: Target,
  rounds: number,
  publish: () => Promise<Run>,
): Promise<Measured> {
  let found = await stretch(driver, target, publish);
  for (let round = 1; round < rounds; round += 1) {
    const next = await stretch(driver, target, publish);
    if (next.perSecond > found.perSecond) found = next;
  }
  return found;
}

/** Gives a peer's frames the weight of ours: what a frame has beside its data is known once one has come. */
export async function weighTheSame(driver: Driver, { publishing }: Target, frameBytes: number): Promise<void> {
  if (publishing.kind !== "post") return;
  const { bytesPerFrame } = await driver.outstanding(1, 0.1);
  await driver.publishing({ ...publishing, bytes: publishing.bytes + frameBytes - bytesPerFrame });
}

/** Opens streams, or says how many there are instead. */
export async function openAll(driver: Driver, count: number, atOnce?: number) {
  const opened = await driver.open(count, atOnce);
  if (opened.failed > 0) throw new Error(`${opened.failed} of ${count} streams were not opened`);
  return opened;
}

/** `412k` */
export function thousands(value: number): string {
  return value < 10_000 ? `${(value / 1000).toFixed(1)}k` : `${Math.round(value / 1000)}k`;
}

/** `3.1 / 8.2`: the latencies' middle, and what one in a hundred exceeds, in milliseconds. */
export function latency(run: Run): string {
  return `${run.p50Ms.toFixed(1)} / ${run.p99Ms.toFixed(1)}`;
}
