import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join, posix, relative } from "node:path";

/** Pages that lie outside `docs`, and where the site has them. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "packages/client/README.md": "client-library.md",
  "DEVELOPMENT.md": "development.md",
  "CHANGELOG.md": "changes.md",
  "SECURITY.md": "security.md",
};

/** How code is coloured, by the ending of its file. */
const LANGUAGES: Readonly<Record<string, string>> = {
  ".ts": "ts",
  ".tsx": "tsx",
  ".yaml": "yaml",
  ".py": "python",
  ".h": "c",
};

/** Languages that the site's colours do not know, and ones that look like them. */
const COLOURED_AS: Readonly<Record<string, string>> = {
  haproxy: "nginx",
  caddy: "nginx",
  sysctl: "ini",
  crontab: "text",
};

/**
 * Lays the project's Markdown out as the site's pages: a folder's `README.md` becomes its index, links are led to where
 * their pages are then, and a file of code that a page links to becomes a page that shows it. What a link names that is
 * not there stays as it is, and fails the build. Pages that are there already and no longer wanted are removed.
 * @param root the project's folder
 * @returns the pages' paths in `target`
 */
export function layOut(root: string, target: string): string[] {
  const pages = sourcePages(root);
  const shown = new Set<string>();
  const placeOf = (path: string): string | null => {
    const page = path === "README.md" ? "index.md" : (pages.get(path) ?? pages.get(`${path}/README.md`));
    if (page !== undefined) return page;
    if (!existsSync(join(root, path)) || !statSync(join(root, path)).isFile()) return null;
    if (path.startsWith("docs/images/")) return path.slice("docs/".length);
    shown.add(path);
    return sourcePage(path);
  };
  const made = new Map([...pages].map(([source, page]) => [page, pageText(root, source, page, placeOf)]));
  for (const file of shown) made.set(sourcePage(file), showFile(root, file));
  mkdirSync(target, { recursive: true });
  for (const old of markdownIn(target)) if (!made.has(old)) rmSync(join(target, old));
  for (const [page, text] of made) writeChanged(join(target, page), text);
  cpSync(join(root, "docs", "images"), join(target, "images"), { recursive: true });
  cpSync(join(import.meta.dirname, "public"), join(target, "public"), { recursive: true });
  return [...made.keys()];
}

/** The first heading of a page. */
export function titleOf(text: string): string {
  const title = /^# (.+)$/m.exec(text)?.[1];
  if (title === undefined) throw new Error("A page has no heading.");
  return title.replaceAll("`", "");
}

/** Every page by its path in the project, with its path in the site. */
function sourcePages(root: string): Map<string, string> {
  const pages = markdownIn(join(root, "docs")).map((path) => [`docs/${path}`, asIndex(path)] as const);
  return new Map([...pages, ...Object.entries(ELSEWHERE)]);
}

function markdownIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".md"))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

const asIndex = (path: string) => path.replace(/(^|\/)README\.md$/, "$1index.md");
const sourcePage = (file: string) => `source/${file}.md`;

function pageText(root: string, source: string, page: string, placeOf: (path: string) => string | null): string {
  const text = readFileSync(join(root, source), "utf8");
  const lead = (all: string, link: string) => {
    if (/^(?:[a-z]+:|#)/.test(link)) return all;
    const [path = "", anchor] = link.split("#");
    const place = placeOf(posix.join(posix.dirname(source), path).replace(/\/$/, ""));
    if (place === null) return all;
    const way = posix.relative(posix.dirname(page), place);
    return `](${way.startsWith(".") ? way : `./${way}`}${anchor === undefined ? "" : `#${anchor}`})`;
  };
  // Code stays as it is; what stands between is prose. A block may hold quotes, so it comes first.
  return text
    .split(/(^```[\s\S]*?^```$|``[^\n]*?``|`[^`\n]*`)/m)
    .map((part, index) => (index % 2 === 1 ? asBlock(part) : part.replace(/\]\(([^)\s]+)\)/g, lead)))
    .join("");
}

/** A block of code with the name of its file, and its language, as the site understands them. */
function asBlock(block: string): string {
  return block
    .replace(/^```(\w+)/, (all, language: string) => {
      const like = COLOURED_AS[language];
      return like === undefined ? all : `\`\`\`${like}`;
    })
    .replace(/^```(\w+) file=(\S+)\n/, '```$1 title="$2"\n');
}

function showFile(root: string, file: string): string {
  const language = LANGUAGES[extname(file)] ?? "text";
  return `# \`${file}\`\n\n\`\`\`\`${language}\n${readFileSync(join(root, file), "utf8").trimEnd()}\n\`\`\`\`\n`;
}

/** A file that stays as it is wakes no watcher. */
function writeChanged(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, "utf8") === text) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
