import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { checkJournal } from "../support/check-journal.ts";
import { eventually } from "../support/eventually.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

const PAGES = 120;

/** Pages that lead to others, and to each other; each answers a little later, so that some are always under way. */
function links(page: number): string {
  const to = [2 * page + 1, 2 * page + 2, (page * 7) % PAGES, 0].filter((each) => each < PAGES);
  return to.map((each) => `<a href="/page/${each}">${each}</a>`).join("");
}

test("a service that is killed amid a crawl goes on, and each page is there once", { timeout: 300_000 }, async () => {
  const asked = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    asked.set(path, (asked.get(path) ?? 0) + 1);
    if (!path.startsWith("/page/")) response.writeHead(404).end();
    else {
      response.setHeader("content-type", "text/html");
      setTimeout(() => response.end(links(Number(path.slice(6)))), 10);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the site has no port");
  try {
    await using service = await ServiceProcess.start([], { MILLRACE_HTTP_ALLOW_HOSTS: "127.0.0.1" });
    const id = await service.run(
      `
version: "1.0"
routes:
  begin: { adapters: [{ type: log }], outbound: [crawl] }
  crawl:
    inbound: { concurrency: 4 }
    adapters: [{ type: web_crawl, config: { delay_seconds: 0, per_host: 4, state: site } }]
    outbound: [page]
  page: { adapters: [{ type: json_transform, config: { expression: '{"url": url}' } }], outbound: [end] }
  end: { adapters: [{ type: store_write, config: { name: "\${$substringAfter(url, 'page/')}" } }] }
init_message: { route: begin }
`,
      { url: `http://127.0.0.1:${address.port}/page/0` },
    );
    for (const share of [0.2, 0.4, 0.6, 0.8]) {
      await eventually(() => assert.ok(asked.size >= PAGES * share));
      await service.end("SIGKILL");
      await service.start();
    }
    assert.equal((await service.client.executions.wait(id, 120)).status, "completed", service.stderr);
    const { frames } = await readStream(`${service.url}/api/v1/executions/${id}/events`);
    const done = checkJournal(frames).filter(({ route, type }) => route === "end" && type === "completed");
    assert.equal(done.length, PAGES);
    const names = readdirSync(join(service.dataDir, "objects", "executions", id, "end", "end"));
    assert.equal(names.length, PAGES, "and none is another under its name");
    // Four pages were under way at each of four kills.
    const again = [...asked].filter(([path, times]) => path.startsWith("/page/") && times > 1);
    assert.ok(again.length <= 16, `${again.length} pages were fetched again`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
