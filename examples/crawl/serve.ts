/**
 * A site to try crawls on: the Markdown that the installed packages ship, as HTML, with menus and footers as sites have
 * them. Prints its URL, and serves until it is stopped: node examples/crawl/serve.ts
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";

const root = realpathSync(resolve("node_modules"));

interface Page {
  readonly html: string;
  readonly etag: string;
  readonly modified: string;
}

const pages = new Map<string, Page>();

/** The README of each package, by its path under the root. */
function readmes(): string[] {
  const packages = readdirSync(root)
    .filter((name) => !name.startsWith("."))
    .flatMap((name) =>
      name.startsWith("@") ? readdirSync(join(root, name)).map((each) => `${name}/${each}`) : [name],
    );
  return packages.flatMap((name) => {
    try {
      const readme = readdirSync(join(root, name)).find((file) => /^readme\.md$/i.test(file));
      return readme === undefined ? [] : [`${name}/${readme}`];
    } catch {
      return [];
    }
  });
}

function page(title: string, body: string, modified: Date): Page {
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escapeHtml(title)}</title></head>
<body>
<header><nav><a href="/">All packages</a> <a href="/private/">Accounts</a></nav></header>
<main><article>${body}</article></main>
<footer>Packages as they were installed. <a href="https://www.npmjs.com/">npm</a></footer>
</body>
</html>
`;
  const etag = `"${createHash("sha1").update(html).digest("hex").slice(0, 16)}"`;
  return { html, etag, modified: modified.toUTCString() };
}

function find(path: string): Page | null {
  const known = pages.get(path);
  if (known !== undefined) return known;
  const made = make(path);
  if (made !== null) pages.set(path, made);
  return made;
}

function make(path: string): Page | null {
  if (path === "/") {
    const items = readmes().map(
      (each) => `<li><a href="/${each}">${escapeHtml(each.replace(/\/[^/]*$/, ""))}</a></li>`,
    );
    return page("Packages", `<h1>Packages</h1><ul>${items.join("\n")}</ul>`, new Date(0));
  }
  const file = resolve(root, `.${decodeURIComponent(path)}`);
  if (!file.startsWith(`${root}/`) || !/\.md$/i.test(file)) return null;
  try {
    const real = realpathSync(file);
    const text = readFileSync(real, "utf8");
    const html = micromark(text, { extensions: [gfm()], htmlExtensions: [gfmHtml()], allowDangerousHtml: true });
    return page(path.slice(1).replace(/\/[^/]*$/, ""), html, statSync(real).mtime);
  } catch {
    return null;
  }
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  if (pathname === "/robots.txt") {
    response.setHeader("content-type", "text/plain").end("User-agent: *\nDisallow: /private/\n");
    return;
  }
  const found = find(pathname);
  if (found === null) {
    response.writeHead(404, { "content-type": "text/plain" }).end("There is no such page.\n");
    return;
  }
  const head = { etag: found.etag, "last-modified": found.modified, "content-type": "text/html; charset=utf-8" };
  if (request.headers["if-none-match"] === found.etag) response.writeHead(304, head).end();
  else response.writeHead(200, head).end(found.html);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
if (address === null || typeof address === "string") throw new Error("The server has no port.");
console.log(`http://127.0.0.1:${address.port}/`);
