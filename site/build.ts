/**
 * Builds the documentation's site into dist/docs: `npm run docs:build`. A link that leads nowhere fails it.
 * `node site/build.ts FOLDER` does the same for the project in a folder.
 */
import { resolve } from "node:path";
import { build } from "@rspress/core";
import { pagesOf, ROOT, siteConfig } from "./config.ts";

const root = resolve(process.argv[2] ?? ROOT);
process.env.NODE_ENV = "production";
try {
  await build({ docDirectory: pagesOf(root), config: siteConfig(root) });
} catch (error) {
  // What is wrong with which page has been said before.
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
