/** Serves the documentation's site, and shows what changes as it changes: `npm run docs:dev`. */
import { watch } from "node:fs";
import { join } from "node:path";
import { dev } from "@rspress/core";
import { PAGES, siteConfig } from "./config.ts";
import { layOut, ROOT } from "./lay-out.ts";

process.env.NODE_ENV = "development";
await dev({ docDirectory: PAGES, config: siteConfig() });
for (const folder of ["docs", "packages/client"]) {
  watch(join(ROOT, folder), { recursive: true }, (_event, file) => {
    if (file?.endsWith(".md")) layOut(PAGES);
  });
}
