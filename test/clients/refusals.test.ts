import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { watch as watchWithEventSource } from "../../examples/clients/eventsource.ts";
import { watch as watchWithFetch } from "../../examples/clients/fetch-event-source.ts";
import { launchChromium, skipWithoutChromium } from "../support/chromium.ts";
import { eventually } from "../support/eventually.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { observeEventSource, observeFetch, told, type Watching, withoutEnds } from "../support/observe.ts";
import { drops, WAITS } from "../support/pipelines.ts";
import { RawReader } from "../support/raw-reader.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { Wire } from "../support/wire.ts";

const SHORT = drops(3);

const HELD = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 2 } }], outbound: [end] }
  end: { adapters: [{ type: held }] }
init_message: { route: make }
`;

describe("what clients make of a refusal that passes", { concurrency: true }, () => {
  let browser: Browser | null = null;
  let page: Page;
  before(async () => {
    if (skipWithoutChromium() !== false) return;
    browser = await launchChromium();
    page = await browser.newPage();
  });
  after(() => browser?.close());

  for (const [name, observe, skip] of [
    ["eventsource", observeEventSource, false],
    ["Chromium's EventSource", (how: Watching) => page.evaluate(observeEventSource, how), skipWithoutChromium()],
  ] as const) {
    test(`${name} stops for good after a 503`, { skip }, async () => {
      await using service = await ServiceProcess.start(["--cors-origins", "*", "--max-subscribers", "0"]);
      await using wire = await Wire.open(service.url);
      if (skip === false && observe !== observeEventSource) await page.goto(`${service.url}/health/live`);
      const id = await service.run(WAITS);
      const url = `${wire.url}/full/api/v1/executions/${id}/events`;
      assert.deepEqual(await observe({ url }), { seen: [], state: "closed" });
      assert.match(wire.answers.get("full") ?? "", /^HTTP\/1\.1 503 [\s\S]*retry-after: \d+/);
      assert.equal(wire.of("full").length, 1);
    });
  }

  test("@microsoft/fetch-event-source goes on asking after a 503, and comes in once there is room", async () => {
    await using service = await ServiceProcess.start(["--max-subscribers", "1"]);
    await using wire = await Wire.open(service.url);
    const path = `/api/v1/executions/${await service.run(WAITS)}/events`;
    const first = await RawReader.open(service.url + path);
    await eventually(() => assert.equal(first.frames.length, 2));
    const watched = observeFetch({ url: `${wire.url}/full${path}`, until: `${first.frames.at(-1)?.id} processing` });
    await eventually(() => assert.ok(wire.of("full").length >= 2));
    first.cut();
    const { seen } = await watched;
    assert.equal(seen.length, 2);
  });

  for (const [name, watch] of [
    ["eventsource", watchWithEventSource],
    ["@microsoft/fetch-event-source", watchWithFetch],
  ] as const) {
    test(`${name}, used as documented, comes in once there is room`, async () => {
      await using service = await ServiceProcess.start(["--max-subscribers", "1"]);
      await using wire = await Wire.open(service.url);
      const other = `/api/v1/executions/${await service.run(WAITS)}/events`;
      const path = `/api/v1/executions/${await service.run(SHORT)}/events`;
      const { frames } = await readStream(service.url + path);
      const first = await RawReader.open(service.url + other);
      const watched = told(watch, `${wire.url}/full${path}`);
      await eventually(() => assert.match(wire.answers.get("full") ?? "", /^HTTP\/1\.1 503 /));
      first.cut();
      assert.deepEqual(
        await watched,
        frames.map(({ id, event }) => `${id} ${event}`),
      );
    });

    test(`${name}, used as documented, outlives a shutdown that takes its time, and misses nothing`, async () => {
      using held = new HeldAdapter();
      await using service = await ServiceProcess.start(["--shutdown-grace", "120", ...held.flags]);
      await using wire = await Wire.open(service.url);
      const path = `/api/v1/executions/${await service.run(HELD)}/events`;
      const watched = told(watch, `${wire.url}/down${path}`);
      const answers = () => wire.answers.get("down") ?? "";
      await eventually(() => assert.match(answers(), /^event: processing\ndata: .*"route":"end"/m));
      const ending = service.end("SIGTERM");
      // It comes back, and is refused, while the message that is in flight is waited for.
      await eventually(() => assert.match(answers(), /HTTP\/1\.1 503 /));
      held.letThrough(2);
      assert.equal(await ending, 0);
      await service.start();
      const seen = await watched;
      const { frames } = await readStream(service.url + path);
      assert.deepEqual(withoutEnds(seen), withoutEnds(frames.map(({ id, event }) => `${id} ${event}`)));
      assert.match(answers(), /"reason":"shutdown"/);
      assert.ok(seen.at(-1)?.endsWith(" end"));
    });
  }
});
