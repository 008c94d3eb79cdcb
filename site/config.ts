import { join } from "node:path";
import type { UserConfig } from "@rspress/core";
import { layOut, ROOT } from "./lay-out.ts";
import { nav, sidebarOf } from "./navigation.ts";

/** Where the pages are laid out, and where the site is built; neither is in git. */
export const PAGES = join(ROOT, "dist", "docs-pages");
const OUT = join(ROOT, "dist", "docs");

/** Lays out the pages, and says how the site is made of them. */
export function siteConfig(): UserConfig {
  const pages = layOut(PAGES);
  return {
    root: PAGES,
    outDir: OUT,
    title: "Millrace",
    description: "Runs message pipelines and lets anyone watch them run, live.",
    lang: "en",
    icon: "/icon.svg",
    logo: "/icon.svg",
    logoText: "Millrace",
    globalStyles: join(import.meta.dirname, "styles.css"),
    themeConfig: {
      nav,
      sidebar: sidebarOf(PAGES, pages),
      llmsUI: false,
    },
    // What a link is to be good for: a page, and a heading on it.
    markdown: {
      link: { checkDeadLinks: true, checkAnchors: true },
      shiki: { langAlias: { haproxy: "nginx", caddy: "nginx", sysctl: "ini" } },
    },
    builderConfig: { server: { publicDir: { name: join(import.meta.dirname, "public") } } },
  };
}
