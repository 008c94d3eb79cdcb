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

/** The version in a package.json of this project. */
export function versionIn(path: string): string {
  return JSON.parse(readFileSync(join(import.meta.dirname, "..", path), "utf8")).version;
}
