import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { Routed } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { CrawlSite, crawl, linksTo } from "./testing/crawl-site.ts";
import { localEnvironment } from "./testing/local-environment.ts";
import { failure, problems, run, stream } from "./testing/run-adapter.ts";
import { TempFolder } from "./testing/temp-folder.ts";
import { webCrawl } from "./web-crawl.ts";

/** A crawl that waits for nobody: what is tried is not the pace. */
const FAST = { delay_seconds: 0 };

const paths = (pages: readonly JsonObject[]) =>
  pages.map(({ url }) => new URL(String(url)).pathname + new URL(String(url)).search);

const adapter = () => webCrawl(localEnvironment());

describe("a crawl", () => {
  test("emits each page that links lead to, once, with its content and where it was found", async () => {
    await using site = await CrawlSite.start({
      "/": linksTo("/a", "b#part", "/a?utm_source=x", "/missing", "http://elsewhere.example/", "mailto:a@b.example"),
      "/a": linksTo("/", "/b", "/c"),
      "/b": linksTo("/a"),
      "/c": { body: linksTo("/b"), headers: { "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT" } },
    });
    const lines: string[] = [];
    const pages = await crawl(adapter(), FAST, { url: site.url, site: "mine" }, { lines });
    assert.deepEqual(paths(pages), ["/", "/a", "/b", "/c"]);
    assert.deepEqual(site.takeAsked(), ["/", "/a", "/b", "/c", "/missing"]);
    assert.partialDeepStrictEqual(pages[3], {
      site: "mine",
      status: 200,
      content_type: "text/html; charset=utf-8",
      last_modified: "Thu, 01 Jan 2026 00:00:00 GMT",
      html: linksTo("/b"),
      bytes: 18,
      crawl: { depth: 2, parent: `${site.url}/a`, seed: `${site.url}/` },
    });
    assert.match(lines.join("\n"), /info: .*\/missing, which .*\/ links to, cannot be had: .*404/);
  });

  test("stays in its scope: the host, what is below a folder, and what patterns say", async () => {
    await using site = await CrawlSite.start({
      "/docs/": linksTo("a", "/blog/", "sub/b", "/docs/print/a", "/docsother"),
      "/docs/a": "",
      "/docs/sub/b": "",
      "/docs/print/a": "",
      "/blog/": "",
      "/docsother": "",
    });
    const found = async (config: JsonObject) =>
      paths(await crawl(adapter(), { ...FAST, ...config }, { url: `${site.url}/docs/` })).sort();
    assert.deepEqual(await found({ scope: "prefix" }), ["/docs/", "/docs/a", "/docs/print/a", "/docs/sub/b"]);
    assert.equal((await found({})).length, 6);
    assert.deepEqual(await found({ scope: "prefix", exclude: ["*/print/*"] }), ["/docs/", "/docs/a", "/docs/sub/b"]);
    assert.deepEqual(await found({ include: ["*/blog/*"] }), ["/blog/", "/docs/"]);
  });

  test("ends at max_depth and max_pages", async () => {
    const chain = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`/${index}`, linksTo(`/${index + 1}`)]));
    await using site = await CrawlSite.start({ ...chain, "/many": linksTo(..."abcdef"), "/a": "", "/b": "", "/c": "" });
    assert.deepEqual(paths(await crawl(adapter(), { ...FAST, max_depth: 2 }, { url: `${site.url}/0` })), [
      "/0",
      "/1",
      "/2",
    ]);
    site.takeAsked();
    await crawl(adapter(), { ...FAST, max_pages: 3 }, { url: `${site.url}/many` });
    assert.deepEqual(site.takeAsked(), ["/a", "/b", "/many"]);
  });

  test("begins at several URLs, made of the message, and at none that is no URL", async () => {
    await using site = await CrawlSite.start({ "/x/1": "", "/x/2": "" });
    const config = { ...FAST, start: ["${base}/1", "${base}/2", "${base}/1"] };
    assert.deepEqual(paths(await crawl(adapter(), config, { base: `${site.url}/x` })), ["/x/1", "/x/2"]);
    assert.equal((await failure(adapter(), {}, { url: "file:///etc/passwd" })).code, "URL_INVALID");
    assert.equal((await failure(adapter(), {}, {})).code, "URL_MISSING");
  });

  test("fetches a page under one name: redirects and canonical links do not lead to it twice", async () => {
    await using site = await CrawlSite.start({
      "/": linksTo("/old", "/new", "/copy?x=1", "/page"),
      "/old": { status: 301, headers: { location: "/new" } },
      "/new": "new",
      "/copy?x=1": '<link rel="canonical" href="/page">copy',
      "/page": '<link rel="canonical" href="/page">page',
    });
    assert.deepEqual(paths(await crawl(adapter(), FAST, { url: site.url })), ["/", "/new", "/page"]);
    site.takeAsked();
    const all = await crawl(adapter(), { ...FAST, canonical: "ignore" }, { url: site.url });
    assert.deepEqual(paths(all), ["/", "/new", "/copy?x=1", "/page"]);
  });

  test("takes the site to be where its first page leads", async () => {
    await using site = await CrawlSite.start({ "/home/": linksTo("a", "/other"), "/home/a": "", "/other": "" });
    await using door = await CrawlSite.start({ "/": { status: 302, headers: { location: `${site.url}/home/` } } });
    assert.deepEqual(paths(await crawl(adapter(), { ...FAST, scope: "prefix" }, { url: door.url })), [
      "/home/",
      "/home/a",
    ]);
  });

  test("is not caught in URLs without end", async () => {
    await using site = await CrawlSite.start({ "/": linksTo("/calendar?day=0", "/deep/") });
    for (let day = 0; day < 50; day += 1) site.pages.set(`/calendar?day=${day}`, linksTo(`/calendar?day=${day + 1}`));
    for (let depth = 1; depth < 20; depth += 1) site.pages.set(`/${"deep/".repeat(depth)}`, linksTo("deep/"));
    const pages = await crawl(adapter(), { ...FAST, max_queries: 5 }, { url: site.url });
    assert.equal(paths(pages).filter((path) => path.startsWith("/calendar")).length, 5);
    assert.equal(paths(pages).filter((path) => path.startsWith("/deep")).length, 3);
  });

  test("reads the encodings that pages have, and no files of other types", async () => {
    await using site = await CrawlSite.start({
      "/": linksTo("/latin", "/declared", "/zipped", "/picture", "/endless"),
      "/latin": {
        headers: { "content-type": "text/html; charset=iso-8859-1" },
        body: Buffer.from("caf\xe9", "latin1"),
      },
      "/declared": {
        headers: { "content-type": "text/html" },
        body: Buffer.from('<meta charset="windows-1251">\xcf', "latin1"),
      },
      "/zipped": { headers: { "content-encoding": "gzip" }, body: gzipSync("<p>zipped") },
      "/picture": { headers: { "content-type": "image/png" }, body: "x" },
      "/endless": "x".repeat(100_000),
    });
    const pages = await crawl(adapter(), { ...FAST, max_bytes: 50_000 }, { url: site.url });
    assert.deepEqual(
      pages.slice(1).map(({ html }) => html),
      ["café", '<meta charset="windows-1251">П', "<p>zipped"],
    );
  });

  test("tells of pages that cannot be had as it is set to; the first is always told", async () => {
    await using site = await CrawlSite.start({ "/": linksTo("/gone"), "/gone": { status: 410 } });
    const [, broken] = await crawl(adapter(), { ...FAST, broken: "emit" }, { url: site.url });
    assert.partialDeepStrictEqual(broken, {
      url: `${site.url}/gone`,
      error: { code: "HTTP_STATUS" },
      crawl: { parent: `${site.url}/` },
    });
    await assert.rejects(crawl(adapter(), { ...FAST, broken: "fail" }, { url: site.url }), { code: "HTTP_STATUS" });
    await assert.rejects(crawl(adapter(), FAST, { url: `${site.url}/gone` }), {
      code: "HTTP_STATUS",
      retryable: false,
    });
  });

  test("is refused in a thread and at private addresses, and its config is checked", async () => {
    await using site = await CrawlSite.start({ "/": "" });
    const { webCrawl: strict } = await import("./web-crawl.ts");
    const { adapterEnvironment, NO_GRANTS } = await import("./environment.ts");
    await assert.rejects(crawl(strict(adapterEnvironment(NO_GRANTS)), FAST, { url: site.url }), {
      code: "HTTP_ADDRESS_REFUSED",
    });
    assert.equal(problems(adapter(), { user_agent: "no name\n", state: "Up", max_depth: 901 }).length, 3);
  });
});

describe("what a site says to robots", () => {
  test("is heeded: robots.txt, noindex, nofollow and rel=nofollow; and is not, on sites of one's own", async () => {
    await using site = await CrawlSite.start({
      "/robots.txt": {
        headers: { "content-type": "text/plain" },
        body: "User-agent: *\nDisallow: /private\n\nUser-agent: millrace\nDisallow: /*.pdf$\nDisallow: /no",
      },
      "/": `${linksTo("/private", "/x.pdf", "/no/a", "/hidden", "/head")}<a rel="nofollow" href="/ads">x</a>`,
      "/private": "",
      "/x.pdf": "",
      "/no/a": "",
      "/hidden": `<meta name="robots" content="noindex">${linksTo("/below")}`,
      "/head": { headers: { "x-robots-tag": "nofollow" }, body: linksTo("/never") },
      "/below": "",
      "/ads": "",
      "/never": "",
    });
    assert.deepEqual(paths(await crawl(adapter(), FAST, { url: site.url })), ["/", "/private", "/head", "/below"]);
    assert.equal(site.headers[0]?.["user-agent"]?.startsWith("Millrace/"), true);
    site.takeAsked();
    const another = await crawl(
      adapter(),
      { ...FAST, user_agent: "Other/2.0 (+https://x.example)" },
      { url: site.url },
    );
    assert.equal(paths(another).includes("/private"), false);
    assert.equal(paths(another).includes("/no/a"), true);
    assert.equal((await crawl(adapter(), { ...FAST, robots: "ignore" }, { url: site.url })).length, 9);
  });

  test("counts as nothing where there is no robots.txt, and as everything where it cannot be had", async () => {
    await using site = await CrawlSite.start({ "/": "" });
    site.pages.set("/robots.txt", { status: 403 });
    assert.equal((await crawl(adapter(), FAST, { url: site.url })).length, 1);
    site.pages.set("/robots.txt", { status: 500 });
    await assert.rejects(crawl(adapter(), FAST, { url: site.url }), { code: "ROBOTS_UNREACHABLE", retryable: true });
    assert.deepEqual(site.takeAsked(), ["/"]);
  });
});

describe("a crawl that remembers", () => {
  test("fetches only what has changed, also for a later process, and still finds what is new behind it", async () => {
    using folder = new TempFolder();
    await using site = await CrawlSite.start({ "/": linksTo("/a", "/b"), "/a": linksTo("/c"), "/b": "b", "/c": "c" });
    const config = { ...FAST, state: "site" };
    const visit = async (more: JsonObject = {}) =>
      crawl(webCrawl(localEnvironment(folder.path)), { ...config, ...more }, { url: site.url });
    assert.equal((await visit()).length, 4);
    site.takeAsked();
    site.pages.set("/b", "b, changed");
    site.pages.set("/c", linksTo("/d"));
    site.pages.set("/d", "new");
    assert.deepEqual(paths(await visit()), ["/b", "/c", "/d"]);
    assert.deepEqual(site.takeAsked(), ["/", "/a", "/b", "/c", "/d"]);
    const told = await visit({ unchanged: "emit" });
    assert.deepEqual(
      told.map(({ unchanged }) => unchanged),
      Array(5).fill(true),
    );
    assert.equal(told[0]?.html, undefined);
    assert.equal((await visit({ state: "another" })).length, 5);
  });

  test("knows a page without an ETag by its content", async () => {
    using folder = new TempFolder();
    await using site = await CrawlSite.start({ "/": { headers: { etag: "" }, body: "same" } });
    for (const expected of [1, 0]) {
      const pages = await crawl(webCrawl(localEnvironment(folder.path)), { ...FAST, state: "s" }, { url: site.url });
      assert.equal(pages.length, expected);
    }
  });

  test("fetches again what did not get through its chain", async () => {
    using folder = new TempFolder();
    await using site = await CrawlSite.start({ "/": "page" });
    const config = { ...FAST, state: "s" };
    const crawler = webCrawl(localEnvironment(folder.path));
    const [seed] = await Array.fromAsync(stream(crawler, config, { url: site.url }, { id: "1" }));
    assert.ok(seed instanceof Routed);
    // The chain fails on the page: its generator is not asked for more.
    for await (const _page of stream(crawler, config, seed.payload, { id: "2" })) break;
    assert.equal((await crawl(crawler, config, { url: site.url })).length, 1);
  });
});

test("a step that is done again after a crash emits the same as the first time, though the site has changed", async () => {
  using folder = new TempFolder();
  await using site = await CrawlSite.start({ "/": linksTo("/a", "/b"), "/a": "", "/b": "" });
  const config = { ...FAST, state: "s" };
  const shape = (emits: readonly unknown[]) =>
    emits.map((emit) => (emit instanceof Routed ? emit.payload.url : Object(emit).url));
  const [seed] = await Array.fromAsync(
    stream(webCrawl(localEnvironment(folder.path)), config, { url: site.url }, { id: "1" }),
  );
  assert.ok(seed instanceof Routed);
  const visit = () =>
    Array.fromAsync(stream(webCrawl(localEnvironment(folder.path)), config, seed.payload, { id: "2" }));
  const first = await visit();
  assert.deepEqual(shape(first), [`${site.url}/a`, `${site.url}/b`, `${site.url}/`]);
  site.pages.set("/", linksTo("/c", "/b"));
  assert.deepEqual(shape(await visit()), shape(first));
});

test("cancel ends a crawl at once, also while it waits for its turn", async () => {
  await using site = await CrawlSite.start({ "/": linksTo("/a") });
  const crawler = adapter();
  const config = { delay_seconds: 3600, robots: "ignore" };
  const [seed] = await Array.fromAsync(stream(crawler, config, { url: site.url }, { id: "1" }));
  assert.ok(seed instanceof Routed);
  await Array.fromAsync(stream(crawler, config, seed.payload, { id: "2" }));
  const control = new AbortController();
  const waiting = run(crawler, config, { ...seed.payload, url: `${site.url}/a` }, { id: "3", signal: control.signal });
  control.abort();
  await assert.rejects(waiting, { name: "AbortError" });
});
