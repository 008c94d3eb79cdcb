/**
 * Pages a second of a crawl on a local site of real pages (the READMEs of the packages that are installed), beside a
 * plain loop over `fetch` and the npm package `crawler`; and the memory of runs over inputs of two sizes:
 * `npx node bench/crawl.ts [--quick] [--only NAME,NAME]`. Politeness is off: the site is our own.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machine } from "./machine.ts";
import { benchOptions } from "./options.ts";

const { quick, only } = benchOptions();
const ROOT = join(import.meta.dirname, "..");
const PEERS = join(import.meta.dirname, "peers", "crawlers");
const MILLRACE = join(ROOT, "packages", "cli", "bin", "millrace.js");
const ROUNDS = quick ? 1 : 3;
const AT_ONCE = 8;

const folder = mkdtempSync(join(tmpdir(), "millrace-bench-"));

interface Crawled {
  readonly pages: number;
  readonly seconds: number;
  readonly peakMb: number;
}

/** Runs a command to its end; returns what it printed, and the most memory that it held. */
async function watch(args: readonly string[]): Promise<{ stdout: string; peakMb: number }> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, MILLRACE_HTTP_ALLOW_HOSTS: "127.0.0.1", MILLRACE_KEEP_PAYLOADS: "failed" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let stdout = "";
  let peakMb = 0;
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  const timer = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      peakMb = Math.max(peakMb, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
    } catch {
      // It has just ended.
    }
  }, 20);
  const [code] = await once(child, "close");
  clearInterval(timer);
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stdout}`);
  return { stdout, peakMb: Math.round(peakMb) };
}

/** Runs a pipeline; returns how many messages of the route that is named were done, and how long the run took. */
async function runPipeline(yaml: string, route: string, set: readonly string[] = []): Promise<Crawled> {
  const file = join(folder, "pipeline.yaml");
  writeFileSync(file, yaml);
  const data = mkdtempSync(join(folder, "data-"));
  const args = ["run", file, "--data-dir", data, ...set.flatMap((each) => ["--set", each])];
  const { stdout, peakMb } = await watch([MILLRACE, ...args]);
  rmSync(data, { recursive: true });
  const seconds = Number(/^completed: .* in ([\d.]+) s/m.exec(stdout)?.[1]);
  const pages = Number(new RegExp(`^${route}\\s+(\\d+)`, "m").exec(stdout)?.[1]);
  if (Number.isNaN(seconds) || Number.isNaN(pages)) throw new Error(stdout);
  return { pages, seconds, peakMb };
}

function crawlPipeline(extract: boolean): string {
  const route = `
version: "1.0"
routes:
  crawl:
    inbound: { concurrency: ${AT_ONCE} }
    error_handling: { on_error: continue }
    adapters:
      - type: web_crawl
        config: { delay_seconds: 0, per_host: ${AT_ONCE}, max_pages: 100000, max_bytes: 20000000 }
    outbound: [page]
  page: { inbound: { concurrency: 8 }, adapters: [${extract ? "{ type: html_to_markdown }" : '{ type: filter, config: { when: "false" } }'}] }
init_message: { route: crawl }
`;
  return route;
}

async function peer(script: string, url: string): Promise<Crawled> {
  const { stdout, peakMb } = await watch([join(PEERS, script), url, String(AT_ONCE)]);
  const { pages, seconds } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  return { pages, seconds, peakMb };
}

function installPeers(): void {
  const lock = readFileSync(join(PEERS, "package-lock.json"), "utf8");
  const installed = join(PEERS, "node_modules", ".installed");
  if (existsSync(installed) && readFileSync(installed, "utf8") === lock) return;
  const done = spawnSync("npm", ["ci", "--ignore-scripts", "--no-fund", "--no-audit"], {
    cwd: PEERS,
    encoding: "utf8",
  });
  if (done.status !== 0) throw new Error(`npm ci in bench/peers/crawlers: ${done.error ?? done.stderr}`);
  writeFileSync(installed, lock);
}

const site = await copiedSite(quick ? 1 : 10);
const { url } = site;

const crawlers: Record<string, () => Promise<Crawled>> = {
  Millrace: () => runPipeline(crawlPipeline(false), "page", [`url=${url}`]),
  "fetch in a loop": () => peer("fetch-loop.js", url),
  crawler: () => peer("crawler.js", url),
};

try {
  installPeers();
  console.log(`${machine()}; the best of ${ROUNDS} rounds, in turn, ${AT_ONCE} requests at once.\n`);
  const chosen = Object.entries(crawlers).filter(
    ([name]) => name === "Millrace" || only.length === 0 || only.some((each) => name.includes(each)),
  );
  const best = new Map<string, Crawled>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, crawl] of chosen) {
      const found = await crawl();
      const last = best.get(name);
      if (last === undefined || found.pages / found.seconds > last.pages / last.seconds) best.set(name, found);
    }
  }
  console.log("| crawl | pages | pages a second | most memory |\n|---|---|---|---|");
  for (const [name, { pages, seconds, peakMb }] of best) {
    console.log(`| ${name} | ${pages} | ${Math.round(pages / seconds)} | ${peakMb} MB |`);
  }
  site.close();
  await memory();
} finally {
  site.close();
  rmSync(folder, { recursive: true, force: true });
}

/** The pages of the example's site, so many times over, from memory. */
async function copiedSite(copies: number): Promise<{ url: string; close(): void }> {
  const example = spawn(process.execPath, [join(ROOT, "examples", "crawl", "serve.ts")], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(example.stdout, "data");
  const base = String(line).trim().replace(/\/$/, "");
  const pages = new Map<string, string>();
  const queue = ["/"];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (pages.has(path)) continue;
    const answer = await fetch(base + path);
    const text = await answer.text();
    if (!answer.ok) continue;
    pages.set(path, text);
    for (const [, href = ""] of text.matchAll(/<a\s[^>]*href="([^"#]*)/g)) {
      const link = URL.parse(href, base + path);
      if (link !== null && link.origin === base && !link.pathname.startsWith("/private/")) queue.push(link.pathname);
    }
  }
  example.kill();
  const list = Array.from({ length: copies }, (_, copy) => `<a href="/${copy}/">${copy}</a>`).join("");
  return serve((path) => {
    if (path === "/") return list;
    const [, copy = "", rest = ""] = /^(\/\d+)(\/.*)$/.exec(path) ?? [];
    return pages.get(rest)?.replaceAll('href="/', `href="${copy}/`);
  });
}

/** The most memory that runs hold over inputs of two sizes. */
async function memory(): Promise<void> {
  const sizes = quick ? [2, 4] : [50, 500];
  console.log(
    `\n| input | ${sizes.map((size) => `${size} MB`).join(" | ")} |\n|---|${sizes.map(() => "---|").join("")}`,
  );
  const rows: string[] = [];
  for (const size of sizes) {
    const file = join(folder, `${size}.jsonl`);
    await writeRows(file, size * 1_000_000);
    const yaml = `
version: "1.0"
routes:
  list: { adapters: [{ type: files, config: { root: ${folder}, glob: "${size}.jsonl" } }], outbound: [rows] }
  rows: { adapters: [{ type: jsonl_rows, config: { max_bytes: 1000000000 } }, { type: filter, config: { when: "row % 1000 = 0" } }], outbound: [end] }
  end: { adapters: [{ type: filter, config: { when: "false" } }] }
init_message: { route: list }
`;
    const { seconds, peakMb } = await runPipeline(yaml, "rows");
    rows.push(`${peakMb} MB, ${Math.round(size / seconds)} MB/s`);
    rmSync(file);
  }
  console.log(`| a file of JSON lines, read row by row | ${rows.join(" | ")} |`);
  const pages: string[] = [];
  for (const size of sizes) {
    const large = await largeSite(size);
    const { seconds, peakMb } = await runPipeline(crawlPipeline(false), "page", [`url=${large.url}0`]);
    pages.push(`${peakMb} MB, ${Math.round(size / seconds)} MB/s`);
    large.close();
  }
  console.log(`| a site of pages of 1 MB, crawled | ${pages.join(" | ")} |`);
}

async function writeRows(file: string, bytes: number): Promise<void> {
  const stream = createWriteStream(file);
  const row = `${JSON.stringify({ text: "x".repeat(180), number: 12345 })}\n`;
  const chunk = row.repeat(1000);
  for (let written = 0; written < bytes; written += chunk.length) {
    if (!stream.write(chunk)) await once(stream, "drain");
  }
  stream.end();
  await once(stream, "close");
}

/** So many pages of 1 MB, each of which leads to the next two. */
async function largeSite(pages: number): Promise<{ url: string; close(): void }> {
  const text = `<p>${"words ".repeat(1000)}</p>`.repeat(166);
  return serve((path) => {
    const page = Number(path.slice(1));
    if (Number.isNaN(page)) return undefined;
    const links = [2 * page + 1, 2 * page + 2].filter((each) => each < pages).map((each) => `<a href="/${each}">x</a>`);
    return `<h1>${page}</h1>${links.join("")}${text}`;
  });
}

/** Serves HTML on a free port. */
async function serve(htmlOf: (path: string) => string | undefined): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    const html = htmlOf(request.url ?? "/");
    if (html === undefined) response.writeHead(404).end();
    else response.setHeader("content-type", "text/html; charset=utf-8").end(html);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the site has no port");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
