import { Driver, type Readers } from "./driver/driver.ts";
import { residentBytes } from "./machine.ts";
import { DRIVER_CORE } from "./measured.ts";
import type { Target } from "./target.ts";

/** A finished stream, read from its beginning to its end by some clients at once. */
export interface Replay extends Readers {
  readonly megabytesPerSecond: number;
  /** The server's memory before, and at the moments of the reading. */
  readonly residentBefore: number;
  readonly resident: readonly number[];
}

/**
 * Reads everything, and waits until the server has closed every stream.
 * @throws Error where one did not get it all
 */
export async function replay(target: Pick<Target, "url" | "pid">, path: string, clients: number): Promise<Replay> {
  await using driver = Driver.start(DRIVER_CORE);
  await driver.target(target.url, [path]);
  const residentBefore = residentBytes(target.pid);
  const resident: number[] = [];
  const sampler = setInterval(() => resident.push(residentBytes(target.pid)), 250);
  await driver.open(clients);
  const readers = await driver.until(0, 600);
  clearInterval(sampler);
  if (readers.closed !== clients || readers.alike !== clients) {
    throw new Error(`of ${clients} clients ${readers.closed} came to the end, and ${readers.alike} had every event`);
  }
  const megabytesPerSecond = readers.bytes / readers.secondsFromFirstByte / 1e6;
  return { ...readers, megabytesPerSecond, residentBefore, resident };
}
