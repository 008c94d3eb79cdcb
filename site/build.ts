/** Builds the documentation's site into dist/docs: `npm run docs:build`. A link that leads nowhere fails it. */
import { build } from "@rspress/core";
import { PAGES, siteConfig } from "./config.ts";

process.env.NODE_ENV = "production";
await build({ docDirectory: PAGES, config: siteConfig() });
