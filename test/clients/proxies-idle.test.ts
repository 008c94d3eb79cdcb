import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { launchChromium, skipWithoutChromium } from "../support/chromium.ts";
import { WAITS } from "../support/pipelines.ts";
import { documented, ProxyProcess, skipWithout } from "../support/proxy-process.ts";
import { RawReader } from "../support/raw-reader.ts";
import { ServiceProcess } from "../support/service-process.ts";

/** Three heartbeats. */
const QUIET_MS = 46_000;

/** More than a browser opens without HTTP/2. */
const STREAMS = 20;

/** The documented settings with idle time-outs just above the heartbeats' fifteen seconds. */
const impatient = (name: "nginx" | "haproxy") => {
  const settings = documented(name);
  assert.match(settings, / 60s/);
  return settings.replaceAll(" 60s", " 20s");
};

describe("quiet streams behind a proxy", { concurrency: true }, () => {
  let service: ServiceProcess;
  before(async () => {
    service = await ServiceProcess.start();
  });
  after(() => service[Symbol.asyncDispose]());

  for (const name of ["nginx", "haproxy"] as const) {
    test(`heartbeats keep a stream open through the time-outs of ${name}, which are twenty seconds`, {
      skip: skipWithout(name),
    }, async () => {
      await using proxy = await ProxyProcess.start(name, impatient(name), service.url);
      const id = await service.run(WAITS);
      const reader = await RawReader.open(`${proxy.url}/api/v1/executions/${id}/events`);
      await wait(QUIET_MS);
      assert.equal(reader.socket.closed, false);
      await service.client.executions.cancel(id);
      await reader.ended();
      assert.equal(reader.frames.at(-1)?.data.reason, "cancelled");
    });

    test(`without heartbeats ${name} cuts a stream`, { skip: skipWithout(name) }, async () => {
      const silent = createServer((_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
        response.write("retry: 3000\n");
      });
      silent.listen(0, "127.0.0.1");
      await once(silent, "listening");
      const address = silent.address();
      assert.ok(address !== null && typeof address !== "string");
      // It is asked for an answer to see whether the proxy is there, so it gives a head at once.
      await using proxy = await ProxyProcess.start(name, impatient(name), `http://127.0.0.1:${address.port}`);
      const begun = performance.now();
      const reader = await RawReader.open(`${proxy.url}/events`);
      assert.match(reader.head, / 200 /);
      await reader.ended();
      assert.ok(performance.now() - begun < QUIET_MS, "long before the streams with heartbeats are looked at");
      silent.closeAllConnections();
      silent.close();
    });
  }

  for (const name of ["nginx", "haproxy", "caddy"] as const) {
    test(`a browser keeps ${STREAMS} streams open at once over one HTTP/2 connection to ${name}`, {
      skip: skipWithout(name) || skipWithoutChromium(),
    }, async () => {
      const settings = name === "caddy" ? documented(name) : impatient(name);
      await using proxy = await ProxyProcess.start(name, settings, service.url);
      const ids = await Promise.all(Array.from({ length: STREAMS }, () => service.run(WAITS)));
      using network = watchNetwork();
      const browser = await launchChromium("--ignore-certificate-errors");
      try {
        const page = await browser.newPage();
        await page.goto(`${proxy.tlsUrl}/health/live`);
        await page.evaluate(
          (paths) => {
            const streams = paths.map((path) => {
              const stream = { seen: [] as string[], errors: 0 };
              const source = new EventSource(path);
              for (const type of ["initiated", "processing", "failed"])
                source.addEventListener(type, () => stream.seen.push(type));
              source.addEventListener("end", () => {
                stream.seen.push("end");
                source.close();
              });
              source.onerror = () => {
                stream.errors += 1;
              };
              return stream;
            });
            Object.assign(globalThis, { streams });
          },
          ids.map((id) => `/api/v1/executions/${id}/events`),
        );
        const streams = () =>
          page.evaluate(() => (globalThis as unknown as { streams: { seen: string[]; errors: number }[] }).streams);
        while ((await streams()).some(({ seen }) => seen.length < 2)) await wait(100);
        const { port } = new URL(proxy.tlsUrl);
        const connections = execFileSync("ss", ["-Htn", "state", "established", `( dport = :${port} )`]).toString();
        assert.equal(connections.trim().split("\n").length, 1, connections);
        // All are there at once, and each is alive after three heartbeats.
        await wait(QUIET_MS);
        for (const id of ids) await service.client.executions.cancel(id);
        while ((await streams()).some(({ seen }) => !seen.includes("end"))) await wait(100);
        for (const { seen, errors } of await streams()) {
          assert.deepEqual(seen, ["initiated", "processing", "failed", "end"]);
          if (!network.changed) assert.equal(errors, 0, "none was cut, and none came back");
        }
        const protocols = () =>
          page.evaluate(() =>
            performance
              .getEntriesByType("resource")
              .filter(({ name }) => name.endsWith("/events"))
              .map((entry) => (entry as PerformanceResourceTiming).nextHopProtocol),
          );
        // They are told of when the requests are over.
        for (let tries = 0; tries < 100 && (await protocols()).length < STREAMS; tries += 1) await wait(100);
        assert.deepEqual([...new Set(await protocols())], ["h2"]);
      } finally {
        await browser.close();
      }
    });
  }
});

/** A browser drops all its connections when an interface comes or goes, as they do in tests that make networks. */
function watchNetwork(): Disposable & { readonly changed: boolean } {
  const monitor = spawn("ip", ["monitor", "link"], { stdio: ["ignore", "pipe", "ignore"] });
  let changed = false;
  monitor.stdout.on("data", () => {
    changed = true;
  });
  return {
    get changed() {
      return changed;
    },
    [Symbol.dispose]: () => monitor.kill(),
  };
}
