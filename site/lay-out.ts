import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join, posix, relative } from "node:path";

/** The project's folder. */
export const ROOT = join(import.meta.dirname, "..");

/** Pages that lie outside `docs`, and where the site has them. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "packages/client/README.md": "client-library.md",
  "DEVELOPMENT.md": "development.md",
  "CHANGELOG.md": "changes.md",
};

/** How code is coloured, by the ending of its file. */
const LANGUAGES: Readonly<Record<string, string>> = {
  ".ts": "ts",
  ".tsx": "tsx",
  ".yaml": "yaml",
  ".py": "python",
  ".h": "c",
};

/**
 * Lays the project's Markdown out as the site's pages: a folder's `README.md` becomes its index, links are led to where
 * their pages are then, and a file of code that a page links to becomes a page that shows it. What a link names that is
 * not there stays as it is, and fails the build. Pages that are there already and no longer wanted are removed.
 * @returns the pages' paths in `target`
 */
export function layOut(target: string): string[] {
  const pages = sourcePages();
  const shown = new Set<string>();
  const made = new Map<string, string>();
  for (const [source, page] of pages) {
    made.set(
      page,
      pageText(source, page, pages, (file) => {
        shown.add(file);
        return sourcePage(file);
      }),
    );
  }
  for (const file of shown) made.set(sourcePage(file), showFile(file));
  mkdirSync(target, { recursive: true });
  for (const old of markdownIn(target)) if (!made.has(old)) rmSync(join(target, old));
  for (const [page, text] of made) writeChanged(join(target, page), text);
  cpSync(join(ROOT, "docs", "images"), join(target, "images"), { recursive: true });
  return [...made.keys()];
}

/** The first heading of a page. */
export function titleOf(text: string): string {
  const title = /^# (.+)$/m.exec(text)?.[1];
  if (title === undefined) throw new Error("A page has no heading.");
  return title.replaceAll("`", "");
}

/** Every page by its path in the project, with its path in the site. */
function sourcePages(): Map<string, string> {
  const pages = new Map(markdownIn(join(ROOT, "docs")).map((path) => [`docs/${path}`, asIndex(path)]));
  for (const [source, page] of Object.entries(ELSEWHERE)) pages.set(source, page);
  // The start page says what the project's README says, and more.
  pages.set("README.md", "index.md");
  return new Map([...pages].filter(([source]) => source !== "README.md" || pages.get("docs/README.md") === undefined));
}

function markdownIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".md"))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

const asIndex = (path: string) => path.replace(/(^|\/)README\.md$/, "$1index.md");
const sourcePage = (file: string) => `source/${file}.md`;

function pageText(
  source: string,
  page: string,
  pages: ReadonlyMap<string, string>,
  show: (file: string) => string,
): string {
  const text = readFileSync(join(ROOT, source), "utf8");
  // Code stays as it is; what stands between is prose. A fence may be anywhere, so the longest comes first.
  return text
    .split(/(^```[\s\S]*?^```$|``[^\n]*?``|`[^`\n]*`)/m)
    .map((part, index) =>
      index % 2 === 1 ? titled(part) : part.replace(/\]\(([^)\s]+)\)/g, (all, link) => led(all, link)),
    )
    .join("");

  function led(all: string, link: string): string {
    if (/^(?:[a-z]+:|#)/.test(link)) return all;
    const [path = "", anchor] = link.split("#");
    const leadsTo = posix.join(posix.dirname(source), path).replace(/\/$/, "");
    const to =
      pages.get(leadsTo) ??
      pages.get(`${leadsTo}/README.md`) ??
      (leadsTo === "README.md" ? "index.md" : shownFile(leadsTo));
    if (to === null) return all;
    const way = posix.relative(posix.dirname(page), to);
    return `](${way.startsWith(".") ? way : `./${way}`}${anchor === undefined ? "" : `#${anchor}`})`;
  }

  function shownFile(file: string): string | null {
    const path = join(ROOT, file);
    const isCode = existsSync(path) && statSync(path).isFile() && !file.startsWith("docs/images/");
    return isCode ? show(file) : null;
  }
}

/** Code that is a file's says so in the form that the site understands. */
function titled(block: string): string {
  return block.replace(/^```(\w+) file=(\S+)\n/, '```$1 title="$2"\n');
}

function showFile(file: string): string {
  const language = LANGUAGES[extname(file)] ?? "text";
  return `# \`${file}\`\n\n\`\`\`\`${language}\n${readFileSync(join(ROOT, file), "utf8").trimEnd()}\n\`\`\`\`\n`;
}

/** A file that stays as it is wakes no watcher. */
function writeChanged(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, "utf8") === text) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
