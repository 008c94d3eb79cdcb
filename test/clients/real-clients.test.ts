import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fetchEventSource } from "@microsoft/fetch-event-source";
import { EventSource } from "eventsource";
import "../support/browser-globals.ts";
import { launchChromium, skipWithoutChromium } from "../support/chromium.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

const COUNT = 3_000;
const PIPELINE = `
version: "1.0"
name: watched
routes:
  make: { adapters: [{ type: generate, config: { count: ${COUNT} } }], outbound: [work] }
  work: { inbound: { concurrency: 8 }, adapters: [{ type: delay, config: { seconds: 0.001 } }] }
init_message: { route: make }
`;

const TYPES = ["initiated", "processing", "completed", "failed", "end"] as const;

describe("clients that know nothing of this code", () => {
  let service: ServiceProcess;
  before(async () => {
    service = await ServiceProcess.start(["--cors-origins", "*"]);
  });
  after(() => service[Symbol.asyncDispose]());

  const eventsUrl = (id: string) => `${service.url}/api/v1/executions/${id}/events`;
  const journalOf = async (id: string) =>
    (await readStream(eventsUrl(id))).frames.map((frame) => `${frame.id} ${frame.event}`);

  test("eventsource from npm sees each event once, over short connections, and stops by itself", async () => {
    const id = await service.run(PIPELINE);
    const seen: string[] = [];
    await new Promise<void>((resolve, reject) => {
      const source = new EventSource(`${eventsUrl(id)}?timeout=1`);
      for (const type of TYPES) {
        source.addEventListener(type, (event) => {
          if (type === "end" && JSON.parse(event.data).reason === "timeout") return;
          seen.push(`${event.lastEventId} ${type}`);
        });
      }
      source.addEventListener("message", () => reject(new Error("an event without a type")));
      source.addEventListener("error", () => {
        // The end of a connection is an error to come back from; 204 is the end of all.
        if (source.readyState === source.CLOSED) resolve();
      });
    });
    assert.deepEqual(seen, await journalOf(id));
  });

  test("@microsoft/fetch-event-source sees each event once, no empty message, and its end", async () => {
    const id = await service.run(PIPELINE);
    const seen: string[] = [];
    const stop = new AbortController();
    await fetchEventSource(eventsUrl(id), {
      signal: stop.signal,
      openWhenHidden: true,
      onmessage: (message) => {
        assert.notEqual(message.event, "", "an empty message");
        seen.push(`${message.id} ${message.event}`);
      },
    });
    assert.deepEqual(seen, await journalOf(id));
  });

  test("Chromium's EventSource sees each event once, comes back after a restart of the service, and stops at the end", {
    skip: skipWithoutChromium(),
  }, async () => {
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      await page.goto(`${service.url}/health/live`);
      const id = await service.run(PIPELINE.replace("seconds: 0.001", "seconds: 0.004"));
      const watched = page.evaluate(
        ([url, types]) =>
          new Promise<string[]>((resolve) => {
            const seen: string[] = [];
            const source = new EventSource(url);
            for (const type of types) {
              source.addEventListener(type, (event) => {
                // Every event of a stream is a message event.
                const { lastEventId, data } = event as unknown as { lastEventId: string; data: string };
                if (type === "end" && JSON.parse(data).reason === "shutdown") return;
                seen.push(`${lastEventId} ${type}`);
              });
            }
            source.onerror = () => {
              if (source.readyState === EventSource.CLOSED) resolve(seen);
            };
          }),
        [eventsUrl(id), TYPES] as const,
      );
      await new Promise((resolve) => setTimeout(resolve, 500));
      await service.end("SIGTERM");
      await service.start();
      assert.deepEqual(await watched, await journalOf(id));
    } finally {
      await browser.close();
    }
  });

  test("the documentation page shows the stream's endpoint, and asks no other host for anything", {
    skip: skipWithoutChromium(),
  }, async () => {
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      const elsewhere: string[] = [];
      page.on("request", (request) => {
        if (!request.url().startsWith(service.url) && !/^(?:data|blob):/.test(request.url()))
          elsewhere.push(request.url());
      });
      await page.goto(`${service.url}/docs`);
      await page.getByText("Stream Execution Events").first().waitFor({ timeout: 60_000 });
      assert.deepEqual(elsewhere, []);
      if (process.env.TEST_SCREENSHOT !== undefined) await page.screenshot({ path: process.env.TEST_SCREENSHOT });
    } finally {
      await browser.close();
    }
  });
});
