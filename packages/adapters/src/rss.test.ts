import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rss } from "./rss.ts";
import { failure, run, runOne } from "./testing/run-adapter.ts";

const RSS = `<?xml version="1.0"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>Tides &amp; Times</title><link>https://e.example/</link><language>en</language>
<item><title><![CDATA[Spring <tide>]]></title><link>/spring</link><guid isPermaLink="false">g1</guid>
<pubDate>Tue, 24 Nov 2026 10:00:00 +0100</pubDate><description>&lt;p&gt;Short&lt;/p&gt;</description>
<content:encoded><![CDATA[<p>Long</p>]]></content:encoded><dc:creator>Ada</dc:creator><category>sea</category>
<enclosure url="https://e.example/a.mp3" length="12" type="audio/mpeg"/></item>
<item><title>Neap</title><guid>https://e.example/neap</guid><pubDate>soon</pubDate></item>
</channel></rss>`;

const ATOM = `<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de" xml:base="https://e.example/blog/"><title>Gezeiten</title>
<link rel="self" href="feed.xml"/><link href="https://e.example/"/><author><name>Bo</name></author>
<entry><id>tag:1</id><title>Eins</title><link rel="alternate" href="1.html"/><updated>2026-11-24T10:00:00Z</updated>
<published>2026-11-20T10:00:00Z</published><category term="meer"/><summary>Kurz</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Lang</p></div></content></entry></feed>`;

describe("what rss reads", () => {
  test("an RSS item is a message, with URLs and times in full", async () => {
    const [spring, neap, ...more] = await run(rss, {}, { body: RSS, status: 200 });
    const feed = { title: "Tides & Times", url: "https://e.example/", language: "en" };
    assert.deepEqual(spring, {
      ...{ id: "g1", url: "https://e.example/spring", title: "Spring <tide>", summary: "<p>Short</p>" },
      ...{ html: "<p>Long</p>", author: "Ada", published_at: "2026-11-24T09:00:00.000Z", modified_at: null },
      categories: ["sea"],
      enclosures: [{ url: "https://e.example/a.mp3", type: "audio/mpeg", bytes: 12 }],
      ...{ feed, index: 0 },
    });
    assert.deepEqual([neap?.url, neap?.published_at, neap?.index], ["https://e.example/neap", null, 1]);
    assert.equal(more.length, 0);
  });

  test("an Atom entry is the same message", async () => {
    assert.deepEqual(await runOne(rss, {}, { text: ATOM }), {
      ...{ id: "tag:1", url: "https://e.example/blog/1.html", title: "Eins", summary: "Kurz", html: "<p>Lang</p>" },
      ...{ author: "Bo", published_at: "2026-11-20T10:00:00.000Z", modified_at: "2026-11-24T10:00:00.000Z" },
      ...{ categories: ["meer"], enclosures: [] },
      feed: { title: "Gezeiten", url: "https://e.example/", language: "de" },
      index: 0,
    });
  });

  test("RSS 1.0 is read as well", async () => {
    const body = `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
      <channel rdf:about="https://e.example/rss"><title>T</title><link>https://e.example</link></channel>
      <item rdf:about="https://e.example/1"><title>One</title><dc:date>2026-01-02T03:04:05Z</dc:date></item></rdf:RDF>`;
    const { url, title, published_at: published } = await runOne(rss, {}, { body });
    assert.deepEqual([url, title, published], ["https://e.example/1", "One", "2026-01-02T03:04:05.000Z"]);
  });

  test("links are resolved against the URL that the feed was fetched from, where it names none", async () => {
    const body = '<rss version="2.0"><channel><title>T</title><item><link>a</link></item></channel></rss>';
    assert.equal((await runOne(rss, {}, { body, url: "https://e.example/x/feed" })).url, "https://e.example/x/a");
    assert.equal((await runOne(rss, {}, { body })).url, null);
  });

  test("no more entries are sent than max_entries; a feed without any sends none", async () => {
    assert.equal((await run(rss, { max_entries: 1 }, { body: RSS })).length, 1);
    const empty = '<rss version="2.0"><channel><title>T</title></channel></rss>';
    assert.deepEqual(await run(rss, {}, { body: empty }), []);
  });
});

test("rss refuses what is no feed, broken XML, and more than max_bytes", async () => {
  const codeOf = async (body: string, config = {}) => (await failure(rss, config, { body })).code;
  for (const body of [
    "",
    "<html></html>",
    RSS.slice(0, 500),
    '{"version":"https://jsonfeed.org/version/1.1","items":[]}',
  ])
    assert.equal(await codeOf(body), "FEED_INVALID", body.slice(0, 20));
  assert.equal(await codeOf(RSS, { max_bytes: 100 }), "FEED_TOO_LARGE");
  assert.equal((await failure(rss, {}, {})).code, "TEXT_MISSING");
});
