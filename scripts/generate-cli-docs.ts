/** Writes docs/cli.md and docs/settings.md from the commands and the settings: `node scripts/generate-cli-docs.ts`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cliPages } from "./cli-pages.ts";

for (const [name, text] of cliPages()) writeFileSync(join(import.meta.dirname, "..", "docs", name), text);
