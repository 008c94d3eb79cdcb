/** What is installed, as package-lock.json says it: which packages, under which licences, and what of it is shipped. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const ROOT = join(import.meta.dirname, "..");

const named = z.record(z.string(), z.string()).default({});

const entrySchema = z.looseObject({
  version: z.string().optional(),
  resolved: z.string().optional(),
  integrity: z.string().optional(),
  license: z.string().optional(),
  link: z.boolean().default(false),
  dev: z.boolean().default(false),
  hasInstallScript: z.boolean().default(false),
  dependencies: named,
  optionalDependencies: named,
  peerDependencies: named,
  devDependencies: named,
});

const lockSchema = z.object({ lockfileVersion: z.literal(3), packages: z.record(z.string(), entrySchema) });

/**
 * What a package is for: `service`, a part of what runs on a server; `pages`, which is built into the dashboard that browsers
 * load; `development`, which is shipped to nobody.
 */
export type Use = "service" | "pages" | "development";

/** A package of the registry that is installed. */
export interface Dependency {
  /** Its folder, as `node_modules/zod`. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly license: string;
  readonly use: Use;
  readonly integrity: string | null;
  readonly resolved: string | null;
  readonly hasInstallScript: boolean;
}

/** Licences that are no SPDX expression as the packages have them, read in their own files. */
const READ_ELSEWHERE: Readonly<Record<string, string>> = {
  // "BSD": its LICENSE has the two clauses.
  duck: "BSD-2-Clause",
  // "MIT OR Apache": its repository has LICENSE-MIT and LICENSE-APACHE, which is version 2.0.
  "sqlite-vec": "MIT OR Apache-2.0",
  "sqlite-vec-darwin-arm64": "MIT OR Apache-2.0",
  "sqlite-vec-darwin-x64": "MIT OR Apache-2.0",
  "sqlite-vec-linux-arm64": "MIT OR Apache-2.0",
  "sqlite-vec-linux-x64": "MIT OR Apache-2.0",
  "sqlite-vec-windows-x64": "MIT OR Apache-2.0",
};

/** What the dashboard is built with, and nothing of which is in it. */
const BUILDS_PAGES = /^(?:vite|@vitejs\/.*|@types\/.*)$/;

/** Every package that is installed from the registry, by its path. */
export function dependencies(): Dependency[] {
  const { packages } = lockSchema.parse(JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")));
  const inPages = pagesOf(packages);
  return Object.entries(packages).flatMap(([path, entry]) => {
    const at = path.lastIndexOf("node_modules/");
    if (at < 0 || entry.link) return [];
    const name = path.slice(at + "node_modules/".length);
    return [
      {
        path,
        name,
        version: entry.version ?? "",
        license: READ_ELSEWHERE[name] ?? entry.license ?? "NONE",
        use: !entry.dev ? ("service" as const) : inPages.has(path) ? ("pages" as const) : ("development" as const),
        integrity: entry.integrity ?? null,
        resolved: entry.resolved ?? null,
        hasInstallScript: entry.hasInstallScript,
      },
    ];
  });
}

type Packages = z.output<typeof lockSchema>["packages"];

/** Paths of what the dashboard's pages stand on. */
function pagesOf(packages: Packages): Set<string> {
  const found = new Set<string>();
  const visit = (from: string, names: readonly string[]) => {
    for (const name of names) {
      const path = resolve(packages, from, name);
      if (path === null || found.has(path)) continue;
      found.add(path);
      const { dependencies, peerDependencies } = packages[path] ?? entrySchema.parse({});
      visit(path, [...Object.keys(dependencies), ...Object.keys(peerDependencies)]);
    }
  };
  const dashboard = "packages/dashboard";
  const { devDependencies = {} } = packages[dashboard] ?? {};
  visit(
    dashboard,
    Object.keys(devDependencies).filter((name) => !BUILDS_PAGES.test(name)),
  );
  return found;
}

/** Where a package finds another: beside it, or above. */
function resolve(packages: Packages, from: string, name: string): string | null {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/")))) {
    const path = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    if (packages[path] !== undefined) return packages[path].link ? null : path;
    if (folder === "") return null;
  }
}
