import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { watch as watchWithEventSource } from "../../examples/clients/eventsource.ts";
import { watch as watchWithFetch } from "../../examples/clients/fetch-event-source.ts";
import { launchChromium, skipWithoutChromium } from "../support/chromium.ts";
import { eventually } from "../support/eventually.ts";
import { observeEventSource, observeFetch, told, type Watching, withoutEnds } from "../support/observe.ts";
import { drops, WAITS } from "../support/pipelines.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { Wire } from "../support/wire.ts";

const SHORT = drops(3);

/** Ends by itself after a time that outlasts streams with \`timeout=1\`. */
const SLOW = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 5 } }], outbound: [end] }
  end: { adapters: [{ type: delay, config: { seconds: 0.9 } }] }
init_message: { route: make }
`;

describe("what clients make of the endpoint's answers", { concurrency: true }, () => {
  let service: ServiceProcess;
  let wire: Wire;
  let browser: Browser | null = null;
  let page: Page;

  before(async () => {
    service = await ServiceProcess.start(["--cors-origins", "*"]);
    wire = await Wire.open(service.url);
    if (skipWithoutChromium() !== false) return;
    browser = await launchChromium();
    page = await browser.newPage();
    await page.goto(`${service.url}/health/live`);
  });
  after(async () => {
    await browser?.close();
    await wire[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
  });

  const pathOf = (id: string) => `/api/v1/executions/${id}/events`;
  const linesOf = async (id: string) =>
    (await readStream(service.url + pathOf(id))).frames.map((frame) => `${frame.id} ${frame.event}`);

  /** Runs a pipeline to its end; returns the path of its events, and their lines. */
  async function finished(): Promise<{ readonly path: string; readonly lines: string[] }> {
    const id = await service.run(SHORT);
    return { path: pathOf(id), lines: await linesOf(id) };
  }

  const eventSources = [
    ["eventsource", observeEventSource, false],
    ["Chromium's EventSource", (how: Watching) => page.evaluate(observeEventSource, how), skipWithoutChromium()],
  ] as const;
  const all = [...eventSources, ["@microsoft/fetch-event-source", observeFetch, false]] as const;
  const recipes = [
    ["eventsource", watchWithEventSource],
    ["@microsoft/fetch-event-source", watchWithFetch],
  ] as const;
  let labels = 0;
  const newLabel = () => `t${++labels}`;

  for (const [name, observe, skip] of eventSources) {
    test(`a stream whose time is over: ${name} comes back after the stream's retry time with its cursor`, {
      skip,
    }, async () => {
      const label = newLabel();
      const id = await service.run(SLOW);
      const { seen, state } = await observe({ url: `${wire.url}/${label}${pathOf(id)}?timeout=1` });
      assert.equal(state, "closed", "204, after the execution's own end");
      const lines = await linesOf(id);
      assert.deepEqual(withoutEnds(seen), withoutEnds(lines));
      assert.equal(seen.at(-1), lines.at(-1));
      const requests = wire.of(label);
      assert.ok(requests.length > 2);
      const retries = [...(wire.answers.get(label) ?? "").matchAll(/^retry: (\d+)$/gm)].map((match) =>
        Number(match[1]),
      );
      for (const [index, request] of requests.entries()) {
        const before = requests[index - 1];
        assert.equal(request.method, "GET", "a cursor takes no preflight");
        if (before === undefined) continue;
        assert.match(request.headers["last-event-id"] ?? "", /^\d+$/);
        assert.ok(request.at - before.at >= (retries[index - 1] ?? Number.POSITIVE_INFINITY), "not before its time");
      }
    });

    test(`nothing more to come: ${name} stops after one request`, { skip }, async () => {
      const label = newLabel();
      const { path, lines } = await finished();
      const last = lines.at(-1)?.split(" ")[0];
      const url = `${wire.url}/${label}${path}?last_event_id=${last}`;
      assert.deepEqual(await observe({ url }), { seen: [], state: "closed" });
      assert.equal(wire.of(label).length, 1);
    });

    test(`no such execution, a bad cursor: ${name} stops after one request`, { skip }, async () => {
      const { path } = await finished();
      for (const wrong of [pathOf("missing"), `${path}?last_event_id=junk`]) {
        const label = newLabel();
        assert.deepEqual(await observe({ url: `${wire.url}/${label}${wrong}` }), { seen: [], state: "closed" });
        assert.equal(wire.of(label).length, 1);
      }
    });
  }

  test("a stream whose time is over: @microsoft/fetch-event-source takes it for the last", async () => {
    const label = newLabel();
    const id = await service.run(WAITS);
    const { seen, state } = await observeFetch({ url: `${wire.url}/${label}${pathOf(id)}?timeout=1` });
    assert.equal(state, "closed");
    assert.equal(seen.at(-1)?.split(" ")[1], "end");
    assert.equal(wire.of(label).length, 1);
  });

  test("nothing more to come, no such execution: @microsoft/fetch-event-source goes on asking", async () => {
    const { path, lines } = await finished();
    const last = lines.at(-1)?.split(" ")[0];
    for (const wrong of [`${path}?last_event_id=${last}`, pathOf("missing")]) {
      const label = newLabel();
      const stop = new AbortController();
      const watched = observeFetch({ url: `${wire.url}/${label}${wrong}` }, stop);
      await eventually(() => assert.ok(wire.of(label).length >= 3));
      stop.abort();
      assert.deepEqual((await watched).seen, []);
    }
  });

  for (const [name, watch] of recipes) {
    test(`${name}, used as documented, sees each event once over short streams, and its end`, async () => {
      const label = newLabel();
      const id = await service.run(SLOW);
      const seen = await told(watch, `${wire.url}/${label}${pathOf(id)}?timeout=1`);
      const lines = await linesOf(id);
      assert.deepEqual(withoutEnds(seen), withoutEnds(lines));
      assert.equal(seen.at(-1), lines.at(-1));
      const { length } = wire.of(label);
      assert.ok(length >= 2);
      await wait(1_500);
      assert.equal(wire.of(label).length, length, "it has stopped");
    });

    test(`${name}, used as documented, stops where there is nothing more to come, and tells of a refusal`, async () => {
      const { path, lines } = await finished();
      const last = lines.at(-1)?.split(" ")[0];
      assert.deepEqual(await told(watch, `${wire.url}/${newLabel()}${path}?last_event_id=${last}`), []);
      const label = newLabel();
      await assert.rejects(told(watch, `${wire.url}/${label}${pathOf("missing")}`), /404/);
      await assert.rejects(told(watch, `${wire.url}/${newLabel()}${path}?last_event_id=junk`), /422/);
      await wait(1_500);
      assert.ok(wire.of(label).length <= 2, "asked once, and for the reason");
    });
  }

  for (const [name, observe, skip] of all) {
    test(`heartbeats and the retry time are no messages to ${name}; every event has its id`, { skip }, async () => {
      const label = newLabel();
      const id = await service.run(WAITS);
      const watched = observe({ url: `${wire.url}/${label}${pathOf(id)}` });
      await eventually(() => assert.match(wire.answers.get(label) ?? "", /\n:\n/, "there was a heartbeat"));
      await service.client.executions.cancel(id);
      assert.deepEqual((await watched).seen, await linesOf(id));
    });

    test(`a stream of nothing but its retry time and its end is one event to ${name}`, { skip }, async () => {
      const id = await service.run(WAITS);
      const { frames } = await readStream(service.url + pathOf(id), { until: ({ event }) => event === "processing" });
      const end = `${frames.at(-1)?.id} end`;
      const url = `${wire.url}/${newLabel()}${pathOf(id)}?since=now&timeout=1`;
      assert.deepEqual((await observe({ url, until: end })).seen, [end]);
    });

    test(`${name} gets what it asks for as it asks for it: no redirect, no compression, LF alone`, {
      skip,
    }, async () => {
      const label = newLabel();
      const { path, lines } = await finished();
      const { seen } = await observe({ url: `${wire.url}/${label}${path}`, until: String(lines.at(-1)) });
      assert.deepEqual(seen, lines);
      const [request] = wire.of(label);
      assert.equal(request?.headers.accept, "text/event-stream");
      assert.match(request?.headers["accept-encoding"] ?? "", /gzip/);
      if (observe !== observeFetch) assert.equal(request?.headers["cache-control"], "no-cache");
      const answer = wire.answers.get(label) ?? "";
      const [head = ""] = answer.split("\r\n\r\n");
      // Without the lines of the chunks, which are the transport's.
      const body = answer
        .slice(head.length + 4)
        .replace(/(?:^|\r\n)[0-9a-f]+\r\n/g, "")
        .trimEnd();
      assert.match(head, /^HTTP\/1\.1 200 /);
      assert.match(head, /^content-type: text\/event-stream; charset=utf-8$/im);
      assert.doesNotMatch(head, /content-encoding|content-length|location/i);
      assert.ok(!body.includes("\r"));
      for (const block of body.split("\n\n")) {
        assert.match(block, /data: .*\nid: \d+$/, "every block has an id, and has it last");
      }
    });
  }
});
