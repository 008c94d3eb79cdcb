import assert from "node:assert/strict";
import { cpSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, Page, Request } from "playwright-core";
import { rolldown } from "rolldown";
import { launchChromium, skipWithoutChromium } from "../support/chromium.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { ForeignProject } from "./installed.ts";

const MANY = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 2000 } }], outbound: [work] }
  work: { inbound: { concurrency: 4 }, adapters: [{ type: filter, config: { when: "false" } }] }
init_message: { route: make }
`;
const MANY_EVENTS = 3 + 2 * 2000 + 2000 + 1;

const SLOW = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 3 } }], outbound: [wait] }
  wait: { inbound: { concurrency: 1 }, adapters: [{ type: delay, config: { seconds: 600 } }] }
init_message: { route: make }
`;

/** What the page of page.tsx puts on its window. */
interface Window {
  show(id: string | null): void;
  read(id: string, batches: boolean): Promise<{ ids: string[]; states: { state: string; reason?: string }[] }>;
}

describe("the client in a browser", { skip: skipWithoutChromium() }, () => {
  let service: ServiceProcess;
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];
  before(async () => {
    service = await ServiceProcess.start();
    browser = await launchChromium();
    const code = await bundledPage();
    page = await browser.newPage();
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") faults.push(message.text());
    });
    await page.route(`${service.url}/try/**`, (route) =>
      route.request().url().endsWith(".js")
        ? route.fulfill({ contentType: "text/javascript", body: code })
        : route.fulfill({
            contentType: "text/html",
            body: '<body><script type="module" src="page.js"></script></body>',
          }),
    );
    await page.goto(`${service.url}/try/`);
    await page.waitForSelector("text=nothing");
  });
  after(async () => {
    await browser?.close();
    await service[Symbol.asyncDispose]();
  });
  const show = (id: string | null) => page.evaluate((of) => (globalThis as unknown as Window).show(of), id);
  const read = (id: string, batches = false) =>
    page.evaluate(([of, many]) => (globalThis as unknown as Window).read(of, many), [id, batches] as const);
  const text = (id: string) => page.locator(`#${id}`).textContent();
  const shows = (id: string, what: string) => page.locator(`#${id}`, { hasText: new RegExp(`^${what}$`) }).waitFor();

  test("reads every event, one by one and in batches, from the page's own origin", async () => {
    const id = await service.run(MANY);
    const [single, batched] = [await read(id), await read(id, true)];
    assert.equal(single.ids.length, MANY_EVENTS);
    assert.deepEqual(batched.ids, single.ids);
    assert.deepEqual(
      single.states.map(({ state }) => state),
      ["connecting", "connected", "ended"],
    );
  });

  test("takes a stream up at once, behind what it had, when the page comes back from a sleep", async () => {
    const id = await service.run(SLOW);
    const asked: (string | undefined)[] = [];
    page.on("request", (request) => {
      if (request.url().endsWith(`${id}/events`)) asked.push(request.headers()["last-event-id"]);
    });
    const reading = read(id);
    const working = async () => (await service.client.executions.routes(id)).routes[1]?.in_flight === 1;
    while (asked.length < 1 || !(await working())) await page.waitForTimeout(10);
    await page.evaluate(() => {
      const now = Date.now;
      Date.now = () => now() + 60_000;
      (globalThis as unknown as { document: EventTarget }).document.dispatchEvent(new Event("visibilitychange"));
    });
    while (asked.length < 2) await page.waitForTimeout(10);
    await service.client.executions.cancel(id);
    const { ids, states } = await reading;
    assert.deepEqual(
      states.flatMap(({ state, reason }) => (state === "connecting" ? [reason] : [])),
      [null, "woken"],
    );
    const { ids: all } = await read(id);
    assert.deepEqual(ids, all);
  });

  test("a component is shown the newest events, the count of all, the state and the progress", async () => {
    const id = await service.run(MANY);
    await show(id);
    await shows("state", "ended");
    await shows("progress", "completed 2001");
    assert.deepEqual(
      [await text("count"), await text("kept"), await text("last"), await text("mixed"), await text("error")],
      [String(MANY_EVENTS), "10", "end", "false", ""],
    );
    await page.locator("section p", { hasText: /^completed$/ }).waitFor();
    assert.equal(await page.locator("progress").evaluate((bar) => "value" in bar && bar.value), 1);
    const other = await service.run(MANY);
    await show(other);
    await shows("of", other);
    await shows("state", "ended");
    assert.deepEqual([await text("count"), await text("mixed")], [String(MANY_EVENTS), "false"]);
  });

  test("a component that goes away leaves no stream behind, and one of nothing says why", async () => {
    const id = await service.run(SLOW);
    const requests = new Set<Request>();
    page.on("request", (request) => requests.add(request));
    page.on("requestfailed", (request) => requests.delete(request));
    page.on("requestfinished", (request) => requests.delete(request));
    await show(id);
    await shows("state", "connected");
    await shows("progress", "running 1");
    // Strict mode mounts everything twice, and lets go of the first.
    while (requests.size !== 4) await page.waitForTimeout(10);
    await show(null);
    while (requests.size > 0) await page.waitForTimeout(10);
    await service.client.executions.cancel(id);
    faults.length = 0;
    await show("no-such-run");
    await shows("state", "ended");
    assert.match((await text("error")) ?? "", /no-such-run/);
    // A browser tells of every 404 itself.
    assert.deepEqual(
      faults.filter((fault) => !fault.includes("404")),
      [],
    );
    await show(null);
  });
});

/** A page that is built as its author would build it, of the package as it is installed. */
async function bundledPage(): Promise<string> {
  using project = await ForeignProject.make();
  project.lend("react", "react-dom", "scheduler");
  const file = join("test", "client-package", "page.tsx");
  for (const each of [file, join("examples", "client", "run-view.tsx")]) {
    mkdirSync(dirname(project.at(join("app", each))), { recursive: true });
    cpSync(join(import.meta.dirname, "..", "..", each), project.at(join("app", each)));
  }
  const bundle = await rolldown({
    input: project.at(join("app", file)),
    platform: "browser",
    transform: { define: { "process.env.NODE_ENV": '"development"' }, jsx: "react-jsx" },
  });
  const { output } = await bundle.generate({ format: "es" });
  await bundle.close();
  return output[0].code;
}
