import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Folder, millrace } from "../support/command.ts";
import { serviceOn } from "../support/service-on.ts";

const ROOT = join(import.meta.dirname, "..", "..");

let site: ChildProcess;
let url = "";

before(async () => {
  site = spawn(process.execPath, [join(ROOT, "examples", "crawl", "serve.ts")], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (site.stdout === null) throw new Error("the site says nothing");
  const [line] = await once(site.stdout, "data");
  url = String(line).trim();
});

after(() => {
  site.kill();
});

test("examples/crawl makes sections of Markdown of a site, and of nothing again while nothing changes", {
  timeout: 600_000,
}, async () => {
  using folder = new Folder();
  const crawl = () =>
    millrace(["run", "examples/crawl/crawl.yaml", "--set", `url=${url}`, "--data-dir", folder.at("data")], {
      env: { MILLRACE_HTTP_ALLOW_HOSTS: "127.0.0.1" },
    });
  const first = await crawl();
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /^completed: \d+ messages done, 0 failed/m);
  const objects = join(folder.at("data"), "objects", "executions");
  const [execution = ""] = readdirSync(objects);
  const stored = join(objects, execution, "store", "sections");
  const sections = readdirSync(stored, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(join(stored, name), "utf8")));
  const pages = new Set(sections.map((section) => section.url));
  assert.ok(pages.size >= 90, `${pages.size} pages of the 100 that may be fetched have sections`);
  assert.ok(![...pages].some((page) => String(page).includes("/private/")), "robots.txt was heeded");
  const own = sections.filter((section) => /\/@biomejs\/biome\/README\.md$/i.test(section.url));
  assert.ok(own.length > 2, "a long page has several sections");
  assert.match(own.map((section) => section.text).join("\n"), /^# Biome|\*\*Biome\*\*|Biome/m);
  for (const { text, tokens } of sections) {
    assert.ok(tokens <= 512);
    assert.doesNotMatch(text, /Packages as they were installed/, "footers are left out");
  }
  {
    await using service = await serviceOn(folder.at("data"));
    const { client } = service;
    assert.equal((await client.search.collection("site")).documents, sections.length, "each section is a document");
    // Questions whose answer is known to stand on a page of the site.
    for (const [words, page] of [
      ["formatter and linter for web projects", "/@biomejs/biome/"],
      ["main content of a page for a reader view", "/@mozilla/readability/"],
      ["which origins may ask, and preflight requests", "/@fastify/cors/"],
    ] as const) {
      const { results } = await client.search.find({ collection: "site", q: words, limit: 5 });
      const found = results.map(({ metadata }) => String(metadata.url));
      assert.ok(
        found.some((address) => new URL(address).pathname.startsWith(page)),
        `${words}: ${found}`,
      );
      const object = await client.storage.metadata(results[0]?.object_key ?? "");
      assert.equal(object.execution_id, execution, "an answer leads to the section that was stored");
    }
  }
  const second = await crawl();
  assert.equal(second.code, 0, second.stderr);
  assert.match(second.stdout, /^completed: 101 messages done, 0 failed/m, "pages alone, and none that is new");
});

test("examples/crawl asks this machine for nothing that its operator has not allowed", async () => {
  using folder = new Folder();
  const { code, stdout, stderr } = await millrace([
    ...["run", "examples/crawl/crawl.yaml", "--set", `url=${url}`, "--data-dir", folder.at("data")],
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stdout + stderr, /1 failed/);
  assert.match(stdout + stderr, /HTTP_ADDRESS_REFUSED/);
});
