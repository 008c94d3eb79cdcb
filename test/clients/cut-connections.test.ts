import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fetchEventSource } from "@microsoft/fetch-event-source";
import type { Page } from "playwright-core";
import { watch as watchWithEventSource } from "../../examples/clients/eventsource.ts";
import { watch as watchWithFetch } from "../../examples/clients/fetch-event-source.ts";
import { ROOT } from "../docs/pages.ts";
import "../support/browser-globals.ts";
import { launchChromium, skipWithoutChromium } from "../support/chromium.ts";
import type { Watch } from "../support/observe.ts";
import { RawReader } from "../support/raw-reader.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { type Fate, Wire } from "../support/wire.ts";

/** Letters of one to four bytes. */
const TEXT = "naïve Жук 漢字 🎉";

const PIPELINE = `
version: "1.0"
routes:
  work: { adapters: [{ type: fail, config: { message: "${TEXT}", retryable: false } }] }
init_message: { route: work }
`;

type Tell = (url: string) => Promise<string[]>;

/** Watches with `watch`, and returns what it was told of. */
const toldBy =
  (watch: Watch): Tell =>
  async (url) => {
    const seen: string[] = [];
    await watch(url, (type, data, id) => {
      seen.push(`${id} ${type} ${data}`);
    });
    return seen;
  };

describe("a connection that breaks or dribbles at any byte", { concurrency: true }, () => {
  let service: ServiceProcess;
  let path = "";
  /** All that a whole stream tells of, as `toldBy` does. */
  let whole: string[] = [];
  /** The last event's block and what is behind it: the end. */
  let tail = Buffer.alloc(0);

  before(async () => {
    service = await ServiceProcess.start(["--cors-origins", "*"]);
    path = `/api/v1/executions/${await service.run(PIPELINE)}/events`;
    const reader = await RawReader.open(service.url + path);
    await reader.ended();
    whole = reader.frames.map(({ id, event, data }) => `${id} ${event} ${JSON.stringify(data)}`);
    assert.deepEqual(
      reader.frames.map(({ event }) => event),
      ["initiated", "processing", "failed", "end"],
    );
    assert.match(whole[2] ?? "", new RegExp(TEXT));
    tail = Buffer.from(reader.text.slice(reader.text.indexOf("event: failed")));
  });
  after(() => service[Symbol.asyncDispose]());

  /** A stream per place in the tail, all at once; the first answer to each has its own fate. */
  async function at(places: readonly number[], kind: "cut" | "split", watch: Tell): Promise<string[][]> {
    const fateOf = (label: string, nth: number): Fate =>
      nth === 0 && label !== "page" ? { kind, block: tail, bytes: Number(label) } : { kind: "whole" };
    await using wire = await Wire.open(service.url, fateOf);
    const told = await Promise.all(places.map((bytes) => watch(`${wire.url}/${bytes}${path}`)));
    for (const bytes of places) {
      const requests = wire.of(String(bytes));
      if (kind === "cut") assert.ok(requests.length > 1, "it was cut, and came back");
      assert.deepEqual(
        requests.filter(({ method }) => method === "OPTIONS"),
        [],
        "a browser needs no preflight for the cursor",
      );
    }
    return told;
  }

  const everyByte = () => [...tail.keys()];
  const events = (told: readonly string[]) => told.filter((line) => !line.includes(" end "));

  async function losesNothing(watch: Tell): Promise<void> {
    for (const [bytes, told] of (await at(everyByte(), "cut", watch)).entries()) {
      assert.deepEqual(events(told), events(whole), `cut after ${JSON.stringify(tail.toString("utf8", 0, bytes))}`);
    }
  }

  async function readsWhatIsSplit(watch: Tell): Promise<void> {
    // Within the letters, and around the lines' ends.
    const letters = tail.indexOf(TEXT);
    const places = everyByte().filter((n) => n < 20 || (n >= letters && n <= letters + 40) || n > tail.length - 100);
    for (const told of await at(places, "split", watch)) assert.deepEqual(told, whole);
    await using wire = await Wire.open(service.url, () => ({ kind: "crumbs" }));
    assert.deepEqual(await watch(`${wire.url}/crumbs${path}`), whole);
  }

  for (const [name, watch] of [
    ["eventsource", toldBy(watchWithEventSource)],
    ["@microsoft/fetch-event-source", toldBy(watchWithFetch)],
  ] as const) {
    test(`costs ${name} no event and gives it none twice`, () => losesNothing(watch));
    test(`lets ${name} read every letter`, () => readsWhatIsSplit(watch));
  }

  test("costs @microsoft/fetch-event-source an event, as it comes, in one place alone: before the empty line", async () => {
    const told = await at(everyByte(), "cut", async (url) => {
      const seen: string[] = [];
      const over = new AbortController();
      await fetchEventSource(url, {
        signal: over.signal,
        openWhenHidden: true,
        async onopen({ status }) {
          if (status === 204) over.abort();
        },
        onmessage: ({ event, data, id }) => {
          seen.push(`${id} ${event} ${data}`);
        },
        onerror: () => 100,
      });
      return seen;
    });
    const lost = told.flatMap((each, bytes) => (events(each).length < events(whole).length ? [bytes] : []));
    assert.deepEqual(lost, [tail.indexOf("\n\n") + 1]);
    for (const each of told) assert.ok(events(each).length <= events(whole).length, "nothing twice");
  });

  describe("in Chromium", { skip: skipWithoutChromium() }, () => {
    let browser: Awaited<ReturnType<typeof launchChromium>>;
    let page: Page;
    before(async () => {
      browser = await launchChromium();
      page = await browser.newPage();
      await page.goto(`${service.url}/health/live`);
      const source = readFileSync(join(ROOT, "examples", "clients", "eventsource.ts"), "utf8");
      const script = stripTypeScriptTypes(source)
        .replace(/^import .*$/m, "")
        .replace("export function", "function");
      await page.evaluate(`${script}; globalThis.watch = watch`);
    });
    after(() => browser.close());

    const watch: Tell = (url) =>
      page.evaluate(async (url) => {
        const seen: string[] = [];
        // Put there before.
        const { watch } = globalThis as unknown as { watch: Watch };
        await watch(url, (type, data, id) => {
          seen.push(`${id} ${type} ${data}`);
        });
        return seen;
      }, url);

    test("it costs EventSource no event and gives it none twice", () => losesNothing(watch));
    test("it lets EventSource read every letter", () => readsWhatIsSplit(watch));
  });
});
