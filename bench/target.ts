import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Publishing } from "./driver/driver.ts";

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

const started = new Set<number>();
let watching = false;

/** Ends a process with this one, also where this one is stopped. */
export function endWithUs(pid: number): void {
  if (!watching) {
    watching = true;
    process.once("exit", () => {
      for (const each of started) end(each);
    });
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  }
  started.add(pid);
}

/** It has ended: its number may be another's by now. */
export function hasEnded(pid: number): void {
  started.delete(pid);
}

function end(pid: number): void {
  try {
    process.kill(pid);
  } catch {
    // It has ended before.
  }
}

/** The version in a package.json of this project. */
export function versionIn(path: string): string {
  return JSON.parse(readFileSync(join(import.meta.dirname, "..", path), "utf8")).version;
}
