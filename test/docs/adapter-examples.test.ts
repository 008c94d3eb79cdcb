import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, before, test } from "node:test";
import { builtinAdapters } from "@millrace/adapters";
import { FakeModel } from "../../packages/adapters/src/testing/fake-model.ts";
import { LocalServer } from "../../packages/adapters/src/testing/local-server.ts";
import { ServiceProcess } from "../support/service-process.ts";

/** Servers that stand for those that the examples name. */
let model: FakeModel;
let web: LocalServer;
let service: ServiceProcess;

before(async () => {
  model = await FakeModel.start({ answer: () => JSON.stringify({ kind: "question", urgency: 3 }) });
  web = await LocalServer.start((request, response) => answer(request.url ?? "/", response));
  service = await ServiceProcess.start(["--http-allow-hosts", "127.0.0.1"]);
  // What the example of subpipeline starts.
  const crawl = 'version: "1.0"\nroutes:\n  crawl: { adapters: [{ type: log }] }\ninit_message: { route: crawl }\n';
  await service.client.configs.create({ name: "crawl", config_yaml: crawl });
});
after(async () => {
  await service[Symbol.asyncDispose]();
  await web[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
});

/** A feed, a sitemap, the list of a bucket, and else a page. */
function answer(path: string, response: ServerResponse): void {
  const page = `<html><head><title>A page</title></head><body><article><h1>A page</h1><p>${"It says much. ".repeat(40)}</p></article></body></html>`;
  const bodies: readonly [RegExp, string, string][] = [
    [/robots\.txt/, "text/plain", "User-agent: *\nAllow: /\n"],
    [
      /feed\.xml/,
      "application/rss+xml",
      '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>News</title><item><title>One</title><guid>1</guid><content:encoded>&lt;p&gt;It rains.&lt;/p&gt;</content:encoded></item></channel></rss>',
    ],
    [
      /sitemap\.xml/,
      "application/xml",
      `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>${web.url}/one</loc></url></urlset>`,
    ],
    [
      /list-type=2/,
      "application/xml",
      "<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>",
    ],
    [/./, "text/html; charset=utf-8", page],
  ];
  const [, type, body] = bodies.find(([pattern]) => pattern.test(path)) ?? [/./, "text/plain", ""];
  response.setHeader("content-type", type).end(body);
}

for (const { type, example } of builtinAdapters) {
  test(`the example of ${type} runs to its end`, { timeout: 120_000 }, async () => {
    const { configs, executions } = service.client;
    const yaml = (example ?? "")
      .replaceAll("http://127.0.0.1:11434/v1", model.url)
      .replaceAll(/https:\/\/(?:[a-z0-9]+\.)?example\.(?:org|com)/g, web.url)
      // Of the one that goes to Amazon's own.
      .replace("region: eu-central-1", `region: eu-central-1\n          endpoint: ${web.url}`);
    const { id } = await configs.create({ name: `example of ${type}`, config_yaml: yaml });
    const { id: run } = await configs.run(id);
    const { status, stats } = await executions.wait(run, 60);
    const { failures } = await executions.failures(run);
    const told = failures.map(({ route, error }) => `${route}: ${error.message}`).join("\n");
    assert.deepEqual([status, stats.failed_messages], ["completed", 0], told);
    assert.ok(stats.completed_messages > 0);
  });
}
