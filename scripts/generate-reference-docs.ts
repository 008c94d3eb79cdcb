/** Writes the reference of the API, the YAML, events and error codes: `node scripts/generate-reference-docs.ts`. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { referencePages } from "./reference-pages.ts";

const folder = join(import.meta.dirname, "..", "docs", "reference");
const pages = await referencePages();
mkdirSync(join(folder, "api"), { recursive: true });
for (const name of readdirSync(join(folder, "api"))) {
  if (!pages.has(`api/${name}`)) rmSync(join(folder, "api", name));
}
for (const [name, text] of pages) writeFileSync(join(folder, name), text);
