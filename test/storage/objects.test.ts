import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import {
  errorResponseSchema,
  httpValidationErrorSchema,
  objectListSchema,
  storedObjectSchema,
} from "@millrace/protocol";
import { launchChromium, skipWithoutChromium } from "../support/chromium.ts";
import { notOfNodes } from "../support/shared-stack.ts";
import { StorageService } from "./storage-service.ts";

const run = promisify(execFile);

describe("objects", () => {
  let storage: StorageService;
  before(async () => {
    storage = await StorageService.start(["--cors-origins", "https://pages.example"]);
  });
  after(() => storage[Symbol.asyncDispose]());

  const list = async (query: string) => {
    const response = await storage.get(`objects?${query}`);
    assert.equal(response.status, 200, query);
    return objectListSchema.parse(await response.json());
  };
  const refused = async (code: string, status: number, path: string, headers: Record<string, string> = {}) => {
    const response = await storage.get(path, headers);
    const body = errorResponseSchema.parse(await response.json());
    assert.deepEqual([response.status, body.error_code], [status, code], path);
    return response;
  };
  const unfit = async (expected: [type: string, ...loc: string[]][], query: string) => {
    const response = await storage.get(`objects?${query}`);
    assert.equal(response.status, 422, query);
    const { detail } = httpValidationErrorSchema.parse(await response.json());
    assert.deepEqual(detail.map(({ type, loc }) => [type, ...loc]).sort(), expected.sort());
  };

  test("a list has what is known of each object, and its metadata and bytes are the same", async () => {
    const text = "grüße\n";
    const id = await storage.write([{ key: "notes/a b/ü.txt", text, type: "text/plain; charset=utf-8" }]);
    const { objects, ...rest } = await list(`prefix=executions/${id}/`);
    assert.deepEqual(rest, { total: 1, limit: 100, offset: 0, has_more: false, next_cursor: null, folders: [] });
    const [object] = objects;
    assert.ok(object !== undefined);
    const sha256 = createHash("sha256").update(text).digest("hex");
    const { key, message_id, created_at, ...plain } = object;
    assert.deepEqual(plain, {
      execution_id: id,
      route: "put",
      stage: "notes",
      name: "a b/ü.txt",
      size: 8,
      content_type: "text/plain; charset=utf-8",
      sha256,
    });
    assert.equal(key, `executions/${id}/put/notes/a b/ü.txt`);
    assert.equal(message_id, (await storage.service.client.executions.get(id)).root_correlation_id);
    for (const path of [encodeURI(key), encodeURIComponent(key)]) {
      const metadata = storedObjectSchema.parse(await (await storage.get(`objects/${path}/metadata`)).json());
      assert.ok(Date.parse(metadata.created_at) - Date.parse(created_at) < 1000);
      assert.deepEqual({ ...metadata, created_at }, object);
      const response = await storage.get(`objects/${path}`);
      assert.equal(await response.text(), text);
      assert.deepEqual(
        ["content-type", "etag", "x-content-type-options", "cache-control", "content-disposition"].map((name) =>
          response.headers.get(name),
        ),
        [
          "text/plain; charset=utf-8",
          `"${sha256}"`,
          "nosniff",
          "private, no-cache",
          "inline; filename=\"?.txt\"; filename*=UTF-8''%C3%BC.txt",
        ],
      );
      assert.match(response.headers.get("content-security-policy") ?? "", /^sandbox;/);
    }
  });

  test("a list is narrowed by execution, prefix, stage, extension and folder; a tag stands for its execution everywhere", async () => {
    const writes = ["s/a.json", "s/b.md", "t/c.JSON", "t/x/d.json", "t/x/e.json"].map((key) => ({ key }));
    const id = await storage.write(writes, { tag: "lists" });
    const other = await storage.write([{ key: "s/a.json" }]);
    assert.deepEqual(
      await storage.keys(id),
      writes.map(({ key }) => `put/${key}`),
    );
    assert.deepEqual(await storage.keys("lists", "&stage=s"), ["put/s/a.json", "put/s/b.md"]);
    assert.deepEqual(await storage.keys("lists", "&stage=s,t&extension=.json"), [
      "put/s/a.json",
      "put/t/c.JSON",
      "put/t/x/d.json",
      "put/t/x/e.json",
    ]);
    assert.deepEqual(await storage.keys("lists", "&prefix=executions/lists/put/t/x/"), [
      "put/t/x/d.json",
      "put/t/x/e.json",
    ]);
    assert.deepEqual(await storage.keys("lists", `&prefix=executions/${other}/`), [], "of another execution");
    assert.deepEqual(
      (await list("prefix=executions/lists/put/s/a")).objects.map(({ key }) => key),
      [`executions/${id}/put/s/a.json`],
    );
    const level = await list("prefix=executions/lists/put/t/&delimiter=/");
    assert.deepEqual(level.folders, [`executions/${id}/put/t/x/`]);
    assert.deepEqual(
      level.objects.map(({ name }) => name),
      ["c.JSON"],
    );
    assert.equal(level.total, 3);
    assert.deepEqual((await list("prefix=executions/lists/&delimiter=/")).folders, [`executions/${id}/put/`]);
    assert.deepEqual((await list("prefix=executions/nobody/")).objects, []);
    assert.deepEqual((await list("prefix=../..")).objects, []);
    assert.ok((await list("prefix=executions/&limit=1")).has_more);
    assert.equal((await storage.get("objects/executions/lists/put/s/a.json")).status, 200);
  });

  test("pages lead through all objects by cursor, and by offset", async () => {
    const names = Array.from({ length: 23 }, (_, index) => `s/${String(index).padStart(2, "0")}`);
    const id = await storage.write(names.map((key) => ({ key })));
    const seen: string[] = [];
    for (let cursor = ""; ; ) {
      const page = await list(`execution_id=${id}&limit=5&cursor=${encodeURIComponent(cursor)}`);
      assert.deepEqual([page.total, page.has_more], [23, page.next_cursor !== null]);
      seen.push(...page.objects.map(({ name }) => `s/${name}`));
      if (page.next_cursor === null) break;
      cursor = page.next_cursor;
    }
    assert.deepEqual(seen, names);
    const last = await list(`execution_id=${id}&limit=5&offset=20`);
    assert.deepEqual([last.objects.length, last.has_more, last.offset], [3, false, 20]);
  });

  test("a list that is asked for wrongly says what is wrong", async () => {
    await unfit(
      [
        ["greater_than_equal", "query", "limit"],
        ["int_parsing", "query", "offset"],
        ["literal_error", "query", "delimiter"],
        ["string_too_long", "query", "prefix"],
      ],
      `limit=0&offset=x&delimiter=-&prefix=${"x".repeat(2049)}`,
    );
    await unfit(
      [
        ["value_error", "query", "stage"],
        ["value_error", "query", "extension"],
      ],
      "delimiter=/&stage=a&extension=b",
    );
    const id = await storage.write([{ key: "s/a" }]);
    await unfit([["value_error", "query", "cursor"]], `execution_id=${id}&cursor=executions/other`);
    await refused("EXECUTION_NOT_FOUND", 404, "objects?execution_id=nobody");
  });

  test("parts of an object are served as RFC 9110 says", async () => {
    const id = await storage.write([
      { key: "s/digits", text: "0123456789" },
      { key: "s/empty", text: "" },
    ]);
    const path = `objects/executions/${id}/put/s/digits`;
    const part = async (range: string, headers: Record<string, string> = {}) => {
      const response = await storage.get(path, { range, ...headers });
      return [response.status, response.headers.get("content-range"), await response.text()];
    };
    assert.deepEqual(await part("bytes=0-0"), [206, "bytes 0-0/10", "0"]);
    assert.deepEqual(await part("bytes=8-99"), [206, "bytes 8-9/10", "89"]);
    assert.deepEqual(await part("bytes=-3"), [206, "bytes 7-9/10", "789"]);
    assert.deepEqual(await part("bytes=-99"), [206, "bytes 0-9/10", "0123456789"]);
    for (const whole of ["bytes=0-1,4-5", "bytes=5-2", "lines=1-2", "bytes=x"])
      assert.deepEqual(await part(whole), [200, null, "0123456789"]);
    const unsatisfiable = await refused("RANGE_NOT_SATISFIABLE", 416, path, { range: "bytes=10-" });
    assert.equal(unsatisfiable.headers.get("content-range"), "bytes */10");
    const { headers } = await storage.get(path);
    const etag = headers.get("etag") ?? "";
    assert.equal(headers.get("accept-ranges"), "bytes");
    assert.deepEqual(await part("bytes=1-2", { "if-range": etag }), [206, "bytes 1-2/10", "12"]);
    assert.deepEqual(await part("bytes=1-2", { "if-range": `W/${etag}` }), [200, null, "0123456789"]);
    assert.deepEqual(await part("bytes=1-2", { "if-range": '"other"' }), [200, null, "0123456789"]);
    assert.deepEqual(await part("bytes=10-", { "if-range": '"other"' }), [200, null, "0123456789"]);
    const empty = await storage.get(`objects/executions/${id}/put/s/empty`);
    assert.deepEqual([empty.status, empty.headers.get("content-length"), await empty.text()], [200, "0", ""]);
    await refused("RANGE_NOT_SATISFIABLE", 416, `objects/executions/${id}/put/s/empty`, { range: "bytes=0-" });
  });

  test("a client that has the object is not sent it again, and HEAD is the head alone", async () => {
    const id = await storage.write([{ key: "s/a", text: "hello" }]);
    const path = `objects/executions/${id}/put/s/a`;
    const first = await storage.get(path);
    const etag = first.headers.get("etag") ?? "";
    for (const headers of [
      { "if-none-match": etag },
      { "if-none-match": `W/${etag}, "x"` },
      { "if-none-match": "*", range: "bytes=0-1" },
      { "if-modified-since": first.headers.get("last-modified") ?? "" },
    ]) {
      const again = await storage.get(path, headers);
      assert.deepEqual([again.status, again.headers.get("etag"), await again.text()], [304, etag, ""]);
    }
    assert.equal((await storage.get(path, { "if-match": etag })).status, 200);
    await refused("PRECONDITION_FAILED", 412, path, { "if-match": '"x"' });
    const head = await storage.get(path, { range: "bytes=0-1" }, "HEAD");
    assert.deepEqual([head.status, head.headers.get("content-length"), await head.text()], [200, "5", ""]);
    assert.equal(head.headers.get("etag"), etag);
    assert.equal((await storage.get(path, { "if-none-match": etag }, "HEAD")).status, 304);
    assert.equal((await storage.get("objects/executions/x/y/z/a", {}, "HEAD")).status, 404);
    assert.equal((await storage.get(path, {}, "DELETE")).status, 405);
    const options = await storage.get(path, {}, "OPTIONS");
    assert.deepEqual([options.status, options.headers.get("allow")], [204, "GET, HEAD, OPTIONS"]);
    const saved = await storage.get(`${path}?download=true`);
    assert.match(saved.headers.get("content-disposition") ?? "", /^attachment; filename=/);
  });

  test("a page of another origin, where it is allowed, can ask for parts and see what it needs", async () => {
    const id = await storage.write([{ key: "s/a", text: "hello" }]);
    const origin = "https://pages.example";
    const path = `objects/executions/${id}/put/s/a`;
    const preflight = await fetch(`${storage.api}/storage/${path}`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "GET", "access-control-request-headers": "range,if-range" },
    });
    assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /If-Range.*Range/);
    const response = await storage.get(path, { origin });
    assert.match(response.headers.get("access-control-expose-headers") ?? "", /ETag.*Content-Range/);
  });

  test("curl gets parts, goes on with half a file, and keeps what it has", async () => {
    const text = Array.from({ length: 5_000 }, (_, line) => `line ${line}\n`).join("");
    const id = await storage.write([{ key: "s/lines.txt", text }]);
    const url = `${storage.api}/storage/objects/executions/${id}/put/s/lines.txt`;
    const folder = mkdtempSync(join(tmpdir(), "millrace-curl-"));
    try {
      const file = join(folder, "lines.txt");
      assert.equal((await run("curl", ["-sf", "-r", "0-6", url])).stdout, "line 0\n");
      assert.equal((await run("curl", ["-sf", "-r", "-10", url])).stdout, "line 4999\n");
      writeFileSync(file, text.slice(0, 20_000));
      await run("curl", ["-sf", "-C", "-", "-o", file, url]);
      assert.equal(readFileSync(file, "utf8"), text);
      const etag = join(folder, "etag");
      await run("curl", ["-sf", "--etag-save", etag, "-o", file, url]);
      const again = ["-sf", "--etag-compare", etag, "-o", join(folder, "again"), "-w", "%{http_code}", url];
      assert.equal((await run("curl", again)).stdout, "304");
      await assert.rejects(run("curl", ["-sSf", "-r", "999999-", url]), /416/);
      // As a browser's "Save as", and as a shell script would name it.
      rmSync(file);
      await run("curl", ["-sfOJ", `${url}?download=1`], { cwd: folder });
      assert.equal(readFileSync(file, "utf8"), text);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("names may be odd, and are served under just that name", async () => {
    const names = [
      "%2e%2e",
      "%2F",
      "a%20b",
      "a+b",
      "?q=1&r#f",
      "ü/é",
      "u\u0308",
      "🏭.txt",
      " space ",
      "...",
      ".hidden",
      "q\"uo;te's",
      "metadata",
      "x/metadata",
      "*",
      ":key",
      "long".repeat(60),
    ];
    const id = await storage.write(names.map((name) => ({ key: `s/${name}`, text: name })));
    for (const name of names) {
      const path = `executions/${id}/put/s/${name}`;
      for (const asked of [path.split("/").map(encodeURIComponent).join("/"), encodeURIComponent(path)]) {
        const response = await storage.get(`objects/${asked}`);
        assert.deepEqual([response.status, await response.text()], [200, name], asked);
        const metadata = await (await storage.get(`objects/${asked}/metadata`)).json();
        assert.equal(storedObjectSchema.parse(metadata).key, path);
      }
    }
  });

  test("a key that leads anywhere else is nobody's: nothing outside the store is served, and nothing fails", {
    skip: notOfNodes("it is about the files of the data directory"),
  }, async () => {
    const id = await storage.write([{ key: "s/a" }, { key: "s/link" }, { key: "s/deep/file" }]);
    const own = `executions/${id}/put/s`;
    const base = join(storage.folder, own);
    rmSync(join(base, "link"));
    symlinkSync("/etc/passwd", join(base, "link"));
    rmSync(join(base, "deep"), { recursive: true });
    symlinkSync("/etc", join(base, "deep"));
    const paths = [
      "../../../../../../etc/passwd",
      "..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
      "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
      "executions/../../millrace.db",
      `${own}/../s/a`,
      `${own}/%2e%2e/s/a`,
      `${own}/..%2fs%2fa`,
      `${own}/./a`,
      `${own}//a`,
      `${own}/a%00`,
      `${own}/a%00.txt`,
      `${own}/a%0a`,
      `${own}%5ca`,
      `${own}/link`,
      `${own}/link/metadata`,
      `${own}/deep/passwd`,
      own,
      `executions/${id}`,
      "executions",
      "%2fetc%2fpasswd",
      "/etc/passwd",
      `${own}/${"x".repeat(5_000)}`,
      `${own}/${"d/".repeat(3_000)}x`,
      `${own}/%ed%a0%80`.replace("%ed%a0%80", "%EF%BF%BF"),
    ];
    for (const path of paths) {
      const { status, body } = await raw(storage.service.url, `/api/v1/storage/objects/${path}`);
      assert.equal(status, 404, path);
      assert.match(body, /"error_code":"OBJECT_NOT_FOUND"/, path);
    }
    for (const path of [`${own}/%zz`, `${own}/%ff`, `${own}/%ed%a0%80`]) {
      const { status, body } = await raw(storage.service.url, `/api/v1/storage/objects/${path}`);
      assert.deepEqual([status, /"error_code":"REQUEST_MALFORMED"/.test(body)], [400, true], path);
    }
    assert.equal((await raw(storage.service.url, `/api/v1/storage/objects/${own}/a`)).status, 200);
    assert.equal(storage.service.stderr.includes("request failed"), false, storage.service.stderr);
  });

  test("a type that is none is served as bytes, and breaks no header", async () => {
    const types = ["text/html\r\nx-injected: 1", "nonsense", "", "text/plain; charset=utf-8\u0000", "ü/ü"];
    const id = await storage.write(types.map((type, index) => ({ key: `s/${index}`, type })));
    for (const index of types.keys()) {
      const response = await storage.get(`objects/executions/${id}/put/s/${index}`);
      assert.deepEqual([response.status, response.headers.get("content-type")], [200, "application/octet-stream"]);
      assert.equal(response.headers.get("x-injected"), null);
    }
  });

  test("an object that is written again is the new one, and one that is removed is gone; what lies elsewhere is not shown", async () => {
    const id = await storage.write([
      { key: "s/a", text: "one" },
      { key: "s/b" },
      { key: "t/c" },
      { key: "s/a", text: "two" },
      { remove: "s/b" },
      { elsewhere: "anywhere/else" },
      { key: "short" },
    ]);
    assert.deepEqual(await storage.keys(id), ["put/s/a", "put/short", "put/t/c"]);
    assert.equal(await (await storage.get(`objects/executions/${id}/put/s/a`)).text(), "two");
    await refused("OBJECT_NOT_FOUND", 404, `objects/executions/${id}/put/s/b`);
    await refused("OBJECT_NOT_FOUND", 404, "objects/anywhere/else");
    const short = await storage.get(`objects/executions/${id}/put/short/metadata`);
    const { route, stage, name } = storedObjectSchema.parse(await short.json());
    assert.deepEqual([route, stage, name], [null, null, "put/short"]);
  });

  test("what an attempt wrote before it failed is there: it was written", async () => {
    const id = await storage.write([{ key: "s/before" }, { fail: "after it was written" }], { failed: 1 });
    assert.deepEqual(await storage.keys(id), ["put/s/before"]);
    assert.equal((await storage.get(`objects/executions/${id}/put/s/before`)).status, 200);
  });

  test("adapters in threads write objects like any other", async () => {
    const id = await storage.write([{ key: "s/a", text: "from a thread" }], { more: "isolation: thread," });
    assert.deepEqual(await storage.keys(id), ["put/s/a"]);
  });

  test("a large object takes no memory to serve, however slowly it is taken, and is read to its end while it is deleted", {
    skip: notOfNodes("it is about the files of the data directory"),
  }, async () => {
    const id = await storage.write([{ key: "s/large" }]);
    const key = `executions/${id}/put/s/large`;
    const size = 200 * 1024 * 1024;
    truncateSync(join(storage.folder, key), size);
    const before = memoryOf(storage.service.pid);
    const response = await new Promise<import("node:http").IncomingMessage>((resolve, reject) => {
      request(`${storage.api}/storage/objects/${key}`, resolve).on("error", reject).end();
    });
    assert.equal(response.headers["content-length"], String(size));
    response.pause();
    const [status] = await Promise.all([
      fetch(`${storage.api}/executions/${id}`, { method: "DELETE" }).then((answer) => answer.status),
      once(response, "readable"),
    ]);
    assert.equal(status, 204);
    await refused("OBJECT_NOT_FOUND", 404, `objects/${key}`);
    assert.deepEqual(await list(`prefix=${key}`), {
      total: 0,
      limit: 100,
      offset: 0,
      has_more: false,
      next_cursor: null,
      folders: [],
      objects: [],
    });
    let taken = 0;
    for await (const chunk of response) taken += chunk.length;
    assert.equal(taken, size);
    const grown = memoryOf(storage.service.pid) - before;
    assert.ok(grown < size / 2, `${grown} bytes more at the most`);
  });

  test("a client that goes away in the middle leaves no file open", {
    skip: notOfNodes("it is about the files of the data directory"),
  }, async () => {
    const id = await storage.write([{ key: "s/large" }]);
    const key = `executions/${id}/put/s/large`;
    truncateSync(join(storage.folder, key), 50 * 1024 * 1024);
    const opened = () => openFilesOf(storage.service.pid).filter((path) => path.endsWith(key)).length;
    for (let client = 0; client < 5; client += 1) {
      const answer = new AbortController();
      const response = await fetch(`${storage.api}/storage/objects/${key}`, { signal: answer.signal });
      await response.body?.getReader().read();
      answer.abort();
    }
    for (const headers of [{ "if-none-match": "*" }, { "if-match": '"x"' }, { range: "bytes=999999999-" }])
      await (await storage.get(`objects/${key}`, headers)).text();
    await storage.get(`objects/${key}`, {}, "HEAD");
    while (opened() > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  test("a page or picture from the store runs no script", { skip: skipWithoutChromium() }, async () => {
    const script = `<script>fetch("/api/v1/configs", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name: "stolen", config_yaml: "version: '1.0'" }) }); document.title = "run"</script>`;
    const id = await storage.write([
      {
        key: "s/page.html",
        text: `<!doctype html><title>still</title>${script}<p id=p>read me</p>`,
        type: "text/html",
      },
      {
        key: "s/picture.svg",
        text: `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">${script}</svg>`,
        type: "image/svg+xml",
      },
    ]);
    await using browser = await launchChromium();
    const page = await browser.newPage();
    for (const name of ["page.html", "picture.svg"]) {
      const blocked = page.waitForEvent("console", (message) => /Blocked script execution/.test(message.text()));
      await page.goto(`${storage.api}/storage/objects/executions/${id}/put/s/${name}`);
      await blocked;
    }
    await page.goto(`${storage.api}/storage/objects/executions/${id}/put/s/page.html`);
    assert.equal(await page.title(), "still");
    assert.match(await page.locator("#p").innerText(), /read me/);
    const { configs } = await storage.service.client.configs.list({ limit: 1000 });
    assert.deepEqual(
      configs.filter(({ name }) => name === "stolen"),
      [],
    );
  });
});

/** Sends a path as it is, which no client library would. */
async function raw(base: string, path: string): Promise<{ status: number; body: string }> {
  const { port, hostname } = new URL(base);
  const socket = connect(Number(port), hostname);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  let text = "";
  for await (const chunk of socket) text += chunk;
  return { status: Number(text.slice(9, 12)), body: text.slice(text.indexOf("\r\n\r\n") + 4) };
}

/** The most memory that a process has had, in bytes. */
function memoryOf(pid: number): number {
  return 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

function openFilesOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((name) => {
    try {
      return [readlinkSync(join(folder, name))];
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
}
