/**
 * What the dashboard weighs, how soon it shows something, and whether it stays smooth while a run makes more than 10,000
 * events a second, in a real Chromium beside the service: `npx node bench/dashboard.ts [--quick]`. No peer: it is measured
 * against the screen, which wants a frame every 16.7 ms, and against a limit of 100 ms.
 */
import { readFileSync } from "node:fs";
import type { CDPSession, Page } from "playwright-core";
import { launchChromium } from "../test/support/chromium.ts";
import { ServiceProcess } from "../test/support/service-process.ts";
import { machine } from "./machine.ts";
import { benchOptions } from "./options.ts";
import { printTable } from "./report.ts";

const { quick } = benchOptions();
/** Messages of the run that is watched; each has three events in each of two routes. */
const MESSAGES = quick ? 40_000 : 500_000;
/** How long frames are counted on each view, in milliseconds. */
const WATCH_MS = quick ? 1_500 : 10_000;

/** A slow line and a slow machine, as those that are tried on elsewhere: 1.6 Mbit/s, 150 ms, a quarter of the speed. */
const SLOW = { downloadThroughput: 200_000, uploadThroughput: 93_750, latency: 150, offline: false };
const SLOWER_BY = 4;

const BUSY = `
version: "1.0"
name: busy
routes:
  make: { adapters: [{ type: generate, config: { count: ${MESSAGES} } }], outbound: [work] }
  work: { inbound: { concurrency: 30 }, adapters: [{ type: filter, config: { when: "true" } }], outbound: [rest] }
  rest: { inbound: { concurrency: 30 }, adapters: [{ type: filter, config: { when: "true" } }] }
init_message: { route: make }
`;

await using service = await ServiceProcess.start();
const browser = await launchChromium("--enable-precise-memory-info");
try {
  const config = await service.client.configs.create({ config_yaml: BUSY });
  console.log(`${machine()}; Chromium ${browser.version()}\n`);
  await service.client.configs.run(config.id, { tag: "small", payload: {} });
  printTable(
    [
      "page",
      "requests",
      "KB over the wire",
      "first paint, ms",
      "shows its data, ms",
      "the same on a slow line and machine, ms",
    ],
    [
      await measureLoad("the list of runs", "/", "small"),
      await measureLoad("a run", "/runs/small", "Routes and adapters"),
      await measureLoad("an editor", "/configs/new", "Findings"),
    ],
  );
  await service.client.executions.cancel("small").catch(() => {});
  console.log("");
  printTable(
    ["view, while the run makes events", "events/s", "frames/s", "99 % of frames, ms", "longest frame, ms"],
    [
      await measureFrames("the overview", config.id, "/runs/overview"),
      await measureFrames("the tail of events", config.id, "/runs/tail/events"),
    ],
  );
  await service.client.executions.wait("tail");
  console.log("");
  printTable(
    ["all events of the run held by the tail", "events", "page's heap, MB", "its process, MB"],
    [await measureMemory()],
  );
} finally {
  await browser.close();
}

async function measureLoad(name: string, path: string, sight: string): Promise<string[]> {
  const [fast, slow] = [await load(path, sight, false), await load(path, sight, true)];
  const ms = (value: number) => Math.round(value).toLocaleString("en");
  return [name, String(fast.requests), ms(fast.bytes / 1000), ms(fast.paint), ms(fast.shown), ms(slow.shown)];
}

/** In a window of its own, with nothing kept. */
async function load(path: string, sight: string, slow: boolean) {
  const { page, cdp, close } = await open();
  if (slow) {
    await cdp.send("Network.emulateNetworkConditions", SLOW);
    await cdp.send("Emulation.setCPUThrottlingRate", { rate: SLOWER_BY });
  }
  let bytes = 0;
  let requests = 0;
  cdp.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
    requests += 1;
  });
  const start = performance.now();
  await page.goto(`${service.url}${path}`, { waitUntil: "commit" });
  await page.getByText(sight).first().waitFor();
  const shown = performance.now() - start;
  const paint: number = await page.evaluate(
    "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN",
  );
  await close();
  return { bytes, requests, shown, paint };
}

/** Of a run of its own, named in the path. */
async function measureFrames(name: string, configId: string, path: string): Promise<string[]> {
  const tag = path.split("/")[2] ?? "";
  await service.client.configs.run(configId, { tag });
  const { page, close } = await open();
  await page.goto(`${service.url}${path}`);
  await page.getByRole("heading", { level: 1, name: tag }).waitFor();
  const before = await events(tag);
  const start = performance.now();
  // A frame's length is the time between two of them, as the reader sees it.
  const frames: number[] = await page.evaluate(`new Promise((done) => {
    const frames = [];
    let last = performance.now();
    const first = last;
    requestAnimationFrame(function frame() {
      const now = performance.now();
      frames.push(now - last);
      last = now;
      if (now - first < ${WATCH_MS}) requestAnimationFrame(frame);
      else done(frames);
    });
  })`);
  const seconds = (performance.now() - start) / 1000;
  const made = ((await events(tag)) - before) / seconds;
  await service.client.executions.cancel(tag).catch(() => {});
  await close();
  frames.sort((one, other) => one - other);
  return [
    name,
    Math.round(made).toLocaleString("en"),
    (frames.length / (WATCH_MS / 1000)).toFixed(0),
    (frames[Math.floor(frames.length * 0.99)] ?? 0).toFixed(0),
    (frames.at(-1) ?? 0).toFixed(0),
  ];
}

/** Events of the run so far: three for each settled message. */
async function events(tag: string): Promise<number> {
  const { completed_messages: completed } = await service.client.executions.stats(tag);
  return completed * 3;
}

async function measureMemory(): Promise<string[]> {
  const { page, cdp, close } = await open();
  await page.goto(`${service.url}/runs/tail/events`);
  await page.getByText("ended", { exact: true }).nth(1).waitFor({ timeout: 300_000 });
  const count = await page.getByText(/^[\d,]+ events$/).innerText();
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  const resident = await residentMegabytes();
  await close();
  return ["after the run's end", count.replace(" events", ""), (usedSize / 1e6).toFixed(0), resident];
}

/** Of the process that draws the page and runs its worker: the largest of the browser's renderers. */
async function residentMegabytes(): Promise<string> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const sizes = processInfo
    .filter(({ type }) => type === "renderer")
    .map(({ id }) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1] ?? 0));
  return (Math.max(...sizes) / 1000).toFixed(0);
}

async function open(): Promise<{ page: Page; cdp: CDPSession; close(): Promise<void> }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send("Network.enable");
  return { page, cdp, close: () => context.close() };
}
