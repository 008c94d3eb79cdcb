import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { NavItem, Sidebar, SidebarGroup, SidebarItem } from "@rspress/core";
import { titleOf } from "./lay-out.ts";

/** A page, or a text of its own for it where its heading is too long. */
type Entry = string | readonly [page: string, text: string];

interface Section {
  readonly text: string;
  readonly entries: readonly Entry[];
  /** Pages of this folder follow, in the order of their names. */
  readonly folder?: string;
}

const GUIDES = "Guides";

/** The sections of the site, in order. */
const SECTIONS: readonly Section[] = [
  { text: "Start", entries: [["index.md", "What Millrace is"], "tutorial.md"] },
  {
    text: GUIDES,
    entries: [
      ["dashboard.md", "The dashboard"],
      "writing-adapters.md",
      "guides/fetching.md",
      "guides/isolation.md",
      "guides/scripts.md",
      ["dashboard.md", "The dashboard"],
      ["events.md", "Watch an execution"],
      "guides/resume-a-stream.md",
      "guides/react.md",
      ["client.md", "Drive it from a program"],
      ["proxies.md", "Put it behind a proxy"],
      "guides/failures.md",
      "retrying.md",
      ["lineage.md", "Trace a message"],
      "storage.md",
      ["guides/search.md", "Search documents"],
    ],
    folder: "guides",
  },
  {
    text: "Operating",
    entries: [
      "settings.md",
      "reliability.md",
      "workers.md",
      "many-nodes.md",
      "scale.md",
      "guides/access.md",
      "guides/backup.md",
      "guides/disk-use.md",
      "performance.md",
      ["performance-journal.md", "Performance: the journal"],
      ["performance-nodes.md", "Performance: many nodes"],
      ["performance-content.md", "Performance: content"],
    ],
  },
  {
    text: "Reference",
    entries: [
      "pipeline.md",
      ["reference/yaml.md", "YAML: every key"],
      "http-api.md",
      ["reference/events.md", "Events: every field"],
      "reference/errors.md",
      "cli.md",
      ["client-library.md", "The client library"],
    ],
  },
  { text: "API reference", entries: [["reference/api/index.md", "All operations"]], folder: "reference/api" },
  { text: "Adapters", entries: [["adapters/index.md", "All adapters"]], folder: "adapters" },
  { text: "Findings", entries: [["reference/findings/index.md", "All findings"]], folder: "reference/findings" },
  { text: "Decisions", entries: [["decisions/index.md", "All decisions"]], folder: "decisions" },
  { text: "Project", entries: ["development.md", "changes.md"] },
];

/** Sections that are folded away until somebody is in them. */
const FOLDED = new Set(["API reference", "Adapters", "Findings", "Decisions", "Project"]);

/** The bar at the top. */
export const nav: NavItem[] = [
  { text: "Tutorial", link: "/tutorial", activeMatch: "/tutorial" },
  { text: "Guides", link: "/events" },
  { text: "API", link: "/reference/api/", activeMatch: "/reference/api/" },
  { text: "YAML", link: "/reference/yaml", activeMatch: "/reference/yaml" },
  { text: "Adapters", link: "/adapters/", activeMatch: "/adapters/" },
  { text: "Operating", link: "/reliability" },
];

/**
 * The list at the side, over all pages that are there. A page that no section names is put at the end of the guides.
 * @throws Error where a section names a page that is not there
 */
export function sidebarOf(folder: string, pages: readonly string[]): Sidebar {
  const left = new Set(pages.filter((page) => !page.startsWith("source/")));
  const item = (entry: Entry): SidebarItem => {
    const [page, text] = typeof entry === "string" ? [entry, undefined] : entry;
    if (!pages.includes(page)) throw new Error(`site/navigation.ts names ${page}, which is not there.`);
    left.delete(page);
    return { text: text ?? titleOf(readFileSync(join(folder, page), "utf8")), link: linkOf(page) };
  };
  const groups = SECTIONS.map(({ text, entries }): SidebarGroup & { text: string } => ({
    text,
    items: entries.map(item),
    collapsible: true,
    collapsed: FOLDED.has(text),
  }));
  for (const { text, folder: within } of SECTIONS) {
    if (within === undefined) continue;
    const more = [...left].filter((page) => page.startsWith(`${within}/`)).toSorted();
    groups.find((group) => group.text === text)?.items.push(...more.map(item));
  }
  groups.find(({ text }) => text === GUIDES)?.items.push(...[...left].toSorted().map(item));
  return { "/": groups };
}

const linkOf = (page: string) => `/${page.replace(/(^|\/)index\.md$/, "$1").replace(/\.md$/, "")}`;
