import { existsSync } from "node:fs";
import { join } from "node:path";

/** The built pages, for a service to serve. */
export interface BuiltDashboard {
  /** Where `index.html` and `assets/` are. */
  readonly folder: string;
  /** The paths of pages, with parameters as `{name}`: each is answered with `index.html`. */
  readonly pages: readonly string[];
}

const FOLDER = join(import.meta.dirname, "dist");

/** Kept beside the routes of `src/router.tsx`; a test asks for each of those. */
const PAGES = [
  "/",
  "/runs/{id}",
  "/runs/{id}/{view}",
  "/runs/{id}/{view}/{item}",
  "/configs",
  "/configs/{id}",
  "/configs/{id}/{view}",
  "/search",
  "/adapters",
  "/adapters/{type}",
  "/system",
  "/access",
  "/access/{view}",
  "/login",
];

/** The pages; null where they have not been built (`npm run build`). */
export function builtDashboard(): BuiltDashboard | null {
  return existsSync(join(FOLDER, "index.html")) ? { folder: FOLDER, pages: PAGES } : null;
}
