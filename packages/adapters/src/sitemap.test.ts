import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { Routed } from "@millrace/engine";
import { httpRequest as makeHttpRequest } from "./http-request.ts";
import { sitemap } from "./sitemap.ts";
import { localEnvironment } from "./testing/local-environment.ts";
import { LocalServer } from "./testing/local-server.ts";
import { failure, run, runOne, stream } from "./testing/run-adapter.ts";

const httpRequest = makeHttpRequest(localEnvironment());

const NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"';
const urlset = (...urls: string[]) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<urlset ${NAMESPACE}>${urls.map((url) => `<url><loc>${url}</loc></url>`).join("\n")}</urlset>`;
const index = (...urls: string[]) =>
  `<sitemapindex ${NAMESPACE}>${urls.map((url) => `<sitemap><loc>${url}</loc></sitemap>`).join("")}</sitemapindex>`;

const urlsOf = async (body: string, config = {}) => (await run(sitemap, config, { body })).map(({ url }) => url);

describe("what sitemap reads", () => {
  test("a page is a message with all that the sitemap says of it", async () => {
    const body = `<urlset ${NAMESPACE}>
      <url>
        <loc> https://e.example/a?x=1&amp;y=2 </loc><lastmod>2026-03-01</lastmod>
        <changefreq>Weekly</changefreq><priority>0.8</priority>
      </url>
      <url><loc><![CDATA[https://e.example/b]]></loc><lastmod>2026-03-01T10:00:00+02:00</lastmod></url>
    </urlset>`;
    assert.deepEqual(await run(sitemap, {}, { body, status: 200 }), [
      {
        ...{ url: "https://e.example/a?x=1&y=2", modified_at: "2026-03-01", change_frequency: "weekly" },
        ...{ priority: 0.8, index: 0 },
      },
      {
        ...{ url: "https://e.example/b", modified_at: "2026-03-01T08:00:00.000Z", change_frequency: null },
        ...{ priority: null, index: 1 },
      },
    ]);
  });

  test("pictures, languages and comments beside a page's URL are not taken for it", async () => {
    const body = `<!-- made by hand --><urlset ${NAMESPACE} xmlns:image="i" xmlns:xhtml="x">
      <url><image:image><image:loc>https://e.example/i.png</image:loc></image:image><loc>https://e.example/a</loc>
      <xhtml:link rel="alternate" hreflang="de" href="https://e.example/de"/></url></urlset>`;
    assert.deepEqual(await urlsOf(body), ["https://e.example/a"]);
  });

  test("a sitemap may be a text with a URL per line, and stand in another field", async () => {
    assert.deepEqual(await urlsOf("\uFEFFhttps://e.example/a\r\n\nhttps://e.example/b"), [
      "https://e.example/a",
      "https://e.example/b",
    ]);
    assert.equal((await runOne(sitemap, {}, { text: urlset("https://e.example/a") })).url, "https://e.example/a");
    assert.equal((await runOne(sitemap, { field: "x" }, { x: "https://e.example/b" })).url, "https://e.example/b");
  });

  test("what is no http or https URL is left out, and said in the log", async () => {
    const lines: string[] = [];
    const body = urlset("/relative", "https://e.example/a", "javascript:alert(1)");
    assert.equal((await run(sitemap, {}, { body }, { lines })).length, 1);
    assert.match(lines.join(), /^warn: 2 of the sitemap's URLs are left out, .* the first is "\/relative"\.$/);
  });

  test("one that http_request fetched, packed with gzip, is unpacked", async () => {
    const packed = gzipSync(urlset("https://e.example/a"));
    await using server = await LocalServer.start((_request, response) => {
      response.setHeader("content-type", "application/gzip").end(packed);
    });
    const fetched = await runOne(httpRequest, { url: `${server.url}/sitemap.xml.gz` });
    assert.deepEqual(
      (await run(sitemap, {}, fetched)).map(({ url }) => url),
      ["https://e.example/a"],
    );
  });
});

describe("an index of sitemaps", () => {
  const config = { sitemaps_to: "fetch" };
  const routed = async (payload: Parameters<typeof run>[2], more = {}) =>
    (await Array.fromAsync(stream(sitemap, { ...config, ...more }, payload ?? {}))).map((emit) => {
      assert.ok(emit instanceof Routed);
      return [emit.route, emit.payload];
    });

  test("sends each to the route that fetches, and counts how deep they lie", async () => {
    const body = index("https://e.example/1.xml", "https://e.example/2.xml.gz");
    assert.deepEqual(await routed({ body, sitemap_depth: 1 }), [
      ["fetch", { url: "https://e.example/1.xml", modified_at: null, sitemap_depth: 2 }],
      ["fetch", { url: "https://e.example/2.xml.gz", modified_at: null, sitemap_depth: 2 }],
    ]);
  });

  test("that names itself, or lies below too many others, does not go round for ever", async () => {
    const url = "https://e.example/index.xml";
    assert.deepEqual(await routed({ url, body: index(url) }), []);
    const deep = { body: index("https://e.example/1.xml"), sitemap_depth: 2 };
    assert.equal((await failure(sitemap, config, deep)).code, "SITEMAP_TOO_DEEP");
    assert.equal((await routed(deep, { max_depth: 3 })).length, 1);
  });

  test("without such a route fails, and says what to set", async () => {
    const { code, message } = await failure(sitemap, {}, { body: index("https://e.example/1.xml") });
    assert.equal(code, "SITEMAP_INDEX");
    assert.match(message, /Set sitemaps_to/);
  });
});

describe("sitemap refuses", () => {
  const codeOf = async (payload: Parameters<typeof run>[2], config = {}) =>
    (await failure(sitemap, config, payload)).code;

  test("what is no sitemap, or broken XML, telling where", async () => {
    assert.equal(await codeOf({ body: "<html><body>Not found</body></html>" }), "SITEMAP_INVALID");
    const { message } = await failure(sitemap, {}, { body: `<urlset ${NAMESPACE}>\n<url><loc>x</url></urlset>` });
    assert.match(message, /^The sitemap cannot be read: 2:\d+: /);
    assert.equal(await codeOf({ body: `<urlset ${NAMESPACE}><url><loc>https://e.example/` }), "SITEMAP_INVALID");
    const bomb = `<!DOCTYPE x [<!ENTITY a "aaa">]><urlset ${NAMESPACE}><url><loc>&a;</loc></url></urlset>`;
    assert.equal(await codeOf({ body: bomb }), "SITEMAP_INVALID");
    const base64 = (bytes: Buffer) => ({ body: bytes.toString("base64"), body_encoding: "base64" });
    assert.equal(await codeOf(base64(Buffer.from([1, 2, 3]))), "SITEMAP_INVALID");
    assert.equal(await codeOf(base64(gzipSync("x".repeat(99)).subarray(0, 15))), "SITEMAP_INVALID");
    assert.equal(await codeOf({ body: { a: 1 } }), "TEXT_MISSING");
  });

  test("more bytes than max_bytes, also such as come out of gzip, and more URLs than max_urls", async () => {
    const packed = { body: gzipSync("x".repeat(1_000_000)).toString("base64"), body_encoding: "base64" };
    assert.equal(await codeOf(packed, { max_bytes: 100_000 }), "SITEMAP_TOO_LARGE");
    assert.equal(await codeOf({ body: "https://e.example/" }, { max_bytes: 17 }), "SITEMAP_TOO_LARGE");
    const body = urlset("https://e.example/1", "https://e.example/2");
    assert.equal(await codeOf({ body }, { max_urls: 1 }), "SITEMAP_TOO_LONG");
    assert.equal((await urlsOf(body, { max_urls: 2 })).length, 2);
  });

  test("to go on after cancel", async () => {
    const reading = run(sitemap, {}, { body: urlset("https://e.example/1") }, { signal: AbortSignal.abort() });
    await assert.rejects(reading, { name: "AbortError" });
  });
});
