/**
 * Builds the documentation's site into dist/docs: `npm run docs:build`. A link that leads nowhere fails it.
 * `node site/build.ts FOLDER` does the same for the project in a folder.
 */
import { resolve } from "node:path";
import { build } from "@rspress/core";
import { pagesOf, ROOT, siteConfig } from "./config.ts";
import { deadAnchors } from "./dead-anchors.ts";

const root = resolve(process.argv[2] ?? ROOT);
process.env.NODE_ENV = "production";
const config = siteConfig(root);
try {
  await build({ docDirectory: pagesOf(root), config });
} catch (error) {
  // What is wrong with which page has been said before.
  fail(error instanceof Error ? error.message : String(error));
}
const dead = deadAnchors(config.outDir);
if (dead.length > 0) fail(`Links to headings that are not there:\n${dead.join("\n")}`);

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
