import { join } from "node:path";
import type { UserConfig } from "@rspress/core";
import { forKeyboards } from "./for-keyboards.ts";
import { layOut } from "./lay-out.ts";
import { nav, sidebarOf } from "./navigation.ts";

/** The project's folder. */
export const ROOT = join(import.meta.dirname, "..");

/** Where a project's pages are laid out; like the site that is made of them, it is not in git. */
export function pagesOf(root: string): string {
  return join(root, "dist", "docs-pages");
}

/** Lays out a project's pages, and says how the site is made of them. */
export function siteConfig(root: string): UserConfig & { outDir: string } {
  const folder = pagesOf(root);
  const pages = layOut(root, folder);
  return {
    root: folder,
    outDir: join(root, "dist", "docs"),
    title: "Millrace",
    description: "Runs message pipelines and lets anyone watch them run, live.",
    lang: "en",
    icon: "/icon.svg",
    logo: "/icon.svg",
    logoText: "Millrace",
    globalStyles: join(import.meta.dirname, "styles.css"),
    themeConfig: { nav, sidebar: sidebarOf(folder, pages), llmsUI: false },
    markdown: { link: { checkDeadLinks: true }, rehypePlugins: [forKeyboards] },
    // What a page looked like before says nothing of its links now.
    builderConfig: { output: { cleanDistPath: true }, performance: { buildCache: false, printFileSize: false } },
  };
}
