import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { isInside } from "./is-inside.ts";

/** Which files pipelines may reach, as plain values: threads are given it as well. */
export interface FileRules {
  /** What lies in these folders. */
  readonly folders: readonly string[];
  /** But not what lies in these, nor these files: what the service keeps there is its own. */
  readonly except: readonly string[];
}

/** Which files pipelines may reach. */
export interface FilePlaces {
  /** Whether a path may lead to one: before it is looked at what is there. Absolute, links and all. */
  mayLead(path: string): boolean;
  /** Whether it is one. Absolute, without links. */
  allows(realPath: string): boolean;
}

/** Any file that the service itself may read: whoever writes pipelines is who runs the service. */
export const EVERYWHERE: FilePlaces = { mayLead: () => true, allows: () => true };

/** What is told of a file that is not among them. */
export const NOT_GRANTED =
  "it is not among the files that pipelines may reach here: where access control is on, those below the folder that the service was started in, and below those of file_roots";

/** The places that rules name; null: any. Folders need not be there yet. */
export function filePlaces(rules: FileRules | null): FilePlaces {
  if (rules === null) return EVERYWHERE;
  const known = new Map<string, string>();
  const realOf = (path: string): string => {
    const before = known.get(path);
    if (before !== undefined) return before;
    try {
      const real = realpathSync(path);
      known.set(path, real);
      return real;
    } catch {
      return resolve(path);
    }
  };
  const lies = (path: string, folders: readonly string[]) => folders.some((folder) => isInside(path, folder));
  return {
    mayLead: (path) =>
      lies(path, [...rules.folders.map((folder) => resolve(folder)), ...rules.folders.map(realOf)]) &&
      !lies(path, [...rules.except.map((place) => resolve(place)), ...rules.except.map(realOf)]),
    allows: (path) => lies(path, rules.folders.map(realOf)) && !lies(path, rules.except.map(realOf)),
  };
}
