/** Serves the documentation's site, and shows what changes as it changes: `npm run docs:dev`. */
import { watch } from "node:fs";
import { join } from "node:path";
import { dev } from "@rspress/core";
import { pagesOf, ROOT, siteConfig } from "./config.ts";
import { layOut } from "./lay-out.ts";

process.env.NODE_ENV = "development";
await dev({ docDirectory: pagesOf(ROOT), config: siteConfig(ROOT) });
for (const folder of ["docs", "packages/client"]) {
  watch(join(ROOT, folder), { recursive: true }, (_event, file) => {
    if (file?.endsWith(".md")) layOut(ROOT, pagesOf(ROOT));
  });
}
