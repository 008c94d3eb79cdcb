import assert from "node:assert/strict";
import { test } from "node:test";
import { Redactor } from "./redactor.ts";

const SECRET = 's3cr&t "quoted"/+ é~ üntold';

function redactorOf(secret: string, least?: number): Redactor {
  const redactor = new Redactor(least);
  redactor.add("TOKEN", secret);
  return redactor;
}

test("a secret is blacked out as it is, and as JSON, URLs, forms, HTML, hex and Base64 have it", () => {
  const redactor = redactorOf(SECRET);
  const forms = {
    plain: SECRET,
    json: JSON.stringify(SECRET).slice(1, -1),
    jsonInJson: JSON.stringify(JSON.stringify(SECRET)).slice(3, -3),
    url: encodeURIComponent(SECRET),
    lowerUrl: encodeURIComponent(SECRET).replace(/%../g, (code) => code.toLowerCase()),
    form: new URLSearchParams({ a: SECRET }).toString().slice(2),
    hex: Buffer.from(SECRET).toString("hex"),
    base64: Buffer.from(SECRET).toString("base64"),
    base64url: Buffer.from(SECRET).toString("base64url"),
  };
  for (const [name, form] of Object.entries(forms)) {
    assert.equal(redactor.redact(`before ${form} after`), "before [secret TOKEN] after", name);
    assert.equal(redactor.redact(form), "[secret TOKEN]", name);
  }
});

test("a secret is blacked out as other languages write JSON, URLs and HTML", () => {
  const secret = "aW4/q+Z'k<9>=&é\"7`x";
  const redactor = redactorOf(secret);
  const forms = {
    "PHP, json_encode": `aW4\\/q+Z'k<9>=&\\u00e9\\"7\`x`,
    "PHP, JSON_UNESCAPED_UNICODE": `aW4\\/q+Z'k<9>=&é\\"7\`x`,
    "Python, json.dumps": `aW4/q+Z'k<9>=&\\u00e9\\"7\`x`,
    "Go, json.Marshal": `aW4/q+Z'k\\u003c9\\u003e=\\u0026é\\"7\`x`,
    ".NET, JsonSerializer": "aW4/q\\u002BZ\\u0027k\\u003C9\\u003E=\\u0026\\u00E9\\u00227\\u0060x",
    "PHP, within JSON": `aW4\\\\\\/q+Z'k<9>=&\\\\u00e9\\\\\\"7\`x`,
    "the query of a URL": "aW4/q+Z%27k%3C9%3E=&%C3%A9%227`x",
    "JavaScript, encodeURI": "aW4/q+Z'k%3C9%3E=&%C3%A9%227%60x",
    "Python, html.escape": "aW4/q+Z&#x27;k&lt;9&gt;=&amp;é&quot;7`x",
    "Go, html.EscapeString": "aW4/q+Z&#39;k&lt;9&gt;=&amp;é&#34;7`x",
    "Go, html/template": "aW4/q&#43;Z&#39;k&lt;9&gt;=&amp;é&#34;7`x",
    "XML, its text": `aW4/q+Z'k&lt;9&gt;=&amp;é"7\`x`,
    "XML, an attribute": "aW4/q+Z&apos;k&lt;9&gt;=&amp;é&quot;7`x",
    Handlebars: "aW4/q+Z&#x27;k&lt;9&gt;&#x3D;&amp;é&quot;7&#x60;x",
    Mustache: "aW4&#x2F;q+Z&#39;k&lt;9&gt;&#x3D;&amp;é&quot;7&#x60;x",
  };
  for (const [name, form] of Object.entries(forms)) {
    assert.equal(redactor.redact(`before ${form} after`), "before [secret TOKEN] after", name);
  }
});

test("what stands before and after it in Base64 goes with it, as in Basic", () => {
  const redactor = redactorOf(SECRET);
  for (const [before, after] of [
    ["a:", ""],
    ["me:", "x"],
    ["user:", "\n"],
    ["", "yz"],
  ]) {
    const basic = Buffer.from(`${before}${SECRET}${after}`).toString("base64");
    assert.equal(redactor.redact(`authorization: Basic ${basic}, next`), "authorization: Basic [secret TOKEN], next");
  }
});

test("the beginning of a secret is blacked out where a text was cut, and stays where it is a word of its own", () => {
  const redactor = redactorOf("https://hooks.example.org/T0123/B0123");
  assert.equal(redactor.redact("sent to https://hooks.example.org/T01…"), "sent to [secret TOKEN]…");
  assert.equal(redactor.redact("sent to https://hooks.example.org/T01"), "sent to [secret TOKEN]");
  assert.equal(redactor.redact("see https://hooks.example.org and more"), "see https://hooks.example.org and more");
});

test("of several that begin alike the right one is named, wherever they overlap", () => {
  const redactor = new Redactor();
  redactor.add("A", "sk-project-aaaa");
  redactor.add("B", "sk-project-aaaa-bbbb");
  redactor.add("C", "aaaaaaaab");
  assert.equal(redactor.redact("sk-project-aaaa-bbbb, sk-project-aaaa,"), "[secret B], [secret A],");
  assert.equal(redactor.redact("aaaaaaaaaaaaaab."), "aaaaaa[secret C].");
});

test("lines of a key are blacked out each, and words that are too short for a secret stay", () => {
  const pem = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w\n-----END PRIVATE KEY-----\n";
  assert.equal(redactorOf(pem).redact("line 2: AgEGCCqGSM49AwEHBG0w!"), "line 2: [secret TOKEN]!");
  assert.equal(redactorOf("admin").redact("admin"), "admin");
  assert.equal(redactorOf("admin", 4).redact("admin"), "[secret TOKEN]");
  assert.equal(redactorOf("abc", 1).redact("abc"), "abc");
});

test("objects without a secret are the very same, and others keep everything else", () => {
  const redactor = redactorOf(SECRET);
  const clean = { a: [1, "two", { b: null }], c: true };
  assert.equal(redactor.redactObject(clean), clean);
  assert.deepEqual(redactor.redactObject({ ...clean, d: [`x ${SECRET}`], [SECRET]: 1 }), {
    ...clean,
    d: ["x [secret TOKEN]"],
    "[secret TOKEN]": 1,
  });
});

test("a secret of digits is blacked out as a number as well, and other numbers stay", () => {
  const redactor = redactorOf("918273645546");
  const other = { n: 9182736455461, list: [918273645547], small: 9182 };
  assert.equal(redactor.redactObject(other), other);
  assert.deepEqual(redactor.redactObject({ n: 918273645546 }), { n: "[secret TOKEN]" });
});

test("one of a thousand secrets is found, and a line without any stays as it is", () => {
  const redactor = new Redactor();
  const line =
    '{"level":30,"time":"2026-01-01T00:00:00.000Z","msg":"request","status":200,"path":"/api/v1/executions"}';
  assert.equal(redactor.redact(line), line);
  for (let index = 0; index < 1000; index += 1) redactor.add(`S${index}`, `value-${index * 7919}-of-a-secret-${index}`);
  assert.equal(redactor.redact(line), line);
  assert.equal(redactor.redact(`${line} value-7919-of-a-secret-1`), `${line} [secret S1]`);
});
