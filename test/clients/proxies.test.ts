import assert from "node:assert/strict";
import { get } from "node:http";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { createGunzip } from "node:zlib";
import { checkJournal } from "../support/check-journal.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { drops, WAITS } from "../support/pipelines.ts";
import { documented, ProxyProcess, skipWithout } from "../support/proxy-process.ts";
import { RawReader } from "../support/raw-reader.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

const STEPS = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 25 } }], outbound: [step] }
  step: { adapters: [{ type: held }] }
init_message: { route: make }
`;

const FAN_OUT = drops(2_000, 8);

const PLAIN = "server { listen 8080; location / { proxy_pass http://127.0.0.1:8000; } }";

for (const [what, name, settings] of [
  ["an nginx as documented", "nginx", documented("nginx")],
  [
    "an nginx that knows nothing of streams, and compresses what it may",
    "nginx",
    `gzip on; gzip_types *; gzip_min_length 1; ${PLAIN}`,
  ],
  ["a HAProxy as documented", "haproxy", documented("haproxy")],
  ["a Caddy as documented", "caddy", documented("caddy")],
] as const) {
  describe(`behind ${what}`, { skip: skipWithout(name) }, () => {
    const held = new HeldAdapter();
    let service: ServiceProcess;
    let proxy: ProxyProcess;
    before(async () => {
      service = await ServiceProcess.start(["--max-subscribers", "2", ...held.flags]);
      proxy = await ProxyProcess.start(name, settings, service.url);
    });
    after(async () => {
      await proxy[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
      held[Symbol.dispose]();
    });

    const pathOf = (id: string) => `/api/v1/executions/${id}/events`;

    test("events come as they happen, not in lumps, and not when the run is over", async () => {
      held.letThrough(1);
      // None happens before the one before it has come through the proxy.
      const text = await read(proxy.url + pathOf(await service.run(STEPS)), (text) => {
        held.letThrough(1 + (text.match(/^event: completed\ndata: .*"route":"step"/gm)?.length ?? 0));
      });
      assert.match(text, /^event: end\ndata: \{"reason":"completed"/m);
    });

    test("a stream is whole, and goes on from a cursor", async () => {
      const url = proxy.url + pathOf(await service.run(FAN_OUT));
      const first = await readStream(url, { until: ({ id: seen }) => Number(seen) > 1000 });
      const rest = await readStream(url, { headers: { "last-event-id": String(first.frames.at(-1)?.id) } });
      checkJournal([...first.frames, ...rest.frames]);
      assert.equal(first.frames.length + rest.frames.length, 3 * 2001 + 1);
      const over = await readStream(url, { headers: { "last-event-id": String(rest.frames.at(-1)?.id) } });
      assert.equal(over.status, 204);
    });

    test("a client that leaves is let go of at the service, before there is anything to send", async () => {
      const path = pathOf(await service.run(WAITS));
      const readers = [await RawReader.open(proxy.url + path), await RawReader.open(proxy.url + path)];
      for (const reader of readers) while (reader.frames.length < 2) await wait(10);
      assert.equal((await readStream(proxy.url + path)).status, 503, "as many as there may be");
      const leftAt = performance.now();
      for (const reader of readers) reader.cut();
      while ((await service.client.system.ready()).status !== "healthy") {
        assert.ok(performance.now() - leftAt < 12_000, "still there");
        await wait(50);
      }
    });
  });
}

/** Events that a proxy keeps to itself for longer, in milliseconds, do not come as they happen. */
const PATIENCE_MS = 60_000;

/** Reads a stream as a browser asks for it, which takes gzip; `onText` is told all that has come so far, again and again. */
function read(url: string, onText: (text: string) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    get(url, { agent: false, headers: { "accept-encoding": "gzip" }, signal }, (answer) => {
      const body = answer.headers["content-encoding"] === "gzip" ? answer.pipe(createGunzip()) : answer;
      let text = "";
      body.setEncoding("utf8");
      body.on("data", (chunk: string) => {
        text += chunk;
        onText(text);
      });
      body.on("end", () => resolve(text));
      body.on("error", reject);
      answer.on("error", reject);
    }).on("error", reject);
  });
}
