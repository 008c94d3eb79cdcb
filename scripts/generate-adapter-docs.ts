/** Writes docs/adapters: a page per built-in adapter, from its own schema and from the notes below. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adapterPages } from "./adapter-pages.ts";

const folder = join(import.meta.dirname, "..", "docs", "adapters");
mkdirSync(folder, { recursive: true });
for (const [name, text] of adapterPages()) writeFileSync(join(folder, name), text);
