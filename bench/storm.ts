/**
 * Everybody connects at once, and again after the service was killed, while a pipeline runs: `npx node bench/storm.ts`.
 */
import { setTimeout as wait } from "node:timers/promises";
import { Driver, type Opened } from "./driver/driver.ts";
import { machine, pin } from "./machine.ts";
import { DRIVER_CORE, SERVER_CORE, thousands } from "./measured.ts";
import { startMillrace } from "./millrace.ts";
import { benchOptions, isWanted } from "./options.ts";
import { nodePeer, startNchan } from "./peers/servers.ts";
import { printTable, progress } from "./report.ts";
import { endWithUs, hasEnded, type Start } from "./target.ts";

/** A pipeline that does a little, all the time: some hundred messages a second, each a few milliseconds' wait. */
const PACED = `version: "1.0"
name: paced
routes:
  make:
    adapters: [{ type: generate, config: { count: 1000000 } }]
    outbound: [work]
  work:
    inbound: { concurrency: 4 }
    adapters: [{ type: delay, config: { seconds: 0.005 } }]
init_message: { route: make }
`;

interface Span {
  readonly from: number;
  readonly to: number;
}

const options = benchOptions();
const subscribers = options.subscribers ?? (options.quick ? 300 : 15_000);
const calmSeconds = options.seconds ?? (options.quick ? 0.5 : 3);

const rows = await ours();
const peers: readonly (readonly [string, Start])[] = [
  ["nchan", startNchan(1)],
  ["node:http", nodePeer("node:http, a shared buffer", "node-http.js", null)],
];
for (const [name, start] of peers) if (isWanted(options, name)) rows.push(await peerRow(start));
console.log(
  `${machine()}. ${subscribers.toLocaleString("en")} clients at once; the server on one core, the driver on another.\n`,
);
printTable(
  [
    "server",
    "when",
    "all served in",
    "accepts/s",
    "p50 / p99 / most ms",
    "refused or failed",
    "the pipeline's messages/s before",
    "during",
    "its longest gap before",
    "during",
  ],
  rows,
);

async function ours(): Promise<string[][]> {
  const target = await startMillrace({}, SERVER_CORE);
  try {
    await using driver = Driver.start(DRIVER_CORE);
    const { client } = target.service;
    const config = await client.configs.create({ config_yaml: PACED, name: "paced" });
    const paced = await client.configs.run(config.id);
    await driver.target(target.url, target.paths);
    await driver.publishing(target.publishing);
    await wait(1_000);
    const before = await calm();
    const first = await storm(driver);
    const passed = await check(driver);
    await driver.keepCursors(true);
    await driver.close();
    const killed = target.pid;
    await target.service.end("SIGKILL");
    hasEnded(killed);
    await target.service.start();
    endWithUs(target.pid);
    pin(target.pid, SERVER_CORE);
    await driver.publishing(target.publishing);
    // What was under way is done again: through gates that have been passed, without a second event.
    await wait(500);
    await driver.trigger(passed);
    await wait(500);
    const beforeSecond = await calm();
    const second = await storm(driver);
    await check(driver);
    await client.executions.cancel(paced.id);
    const settled = await settledAt(`${target.url}/api/v1/executions/${paced.id}/events`);
    const name = `${target.name} ${target.version}`;
    return [
      cells(name, "all at once", first.opened, pace(settled, before), pace(settled, first.span)),
      cells(name, "again after a kill", second.opened, pace(settled, beforeSecond), pace(settled, second.span)),
    ];
  } finally {
    await target.stop();
  }
}

async function peerRow(start: Start): Promise<string[]> {
  const target = await start(450, SERVER_CORE);
  try {
    await using driver = Driver.start(DRIVER_CORE);
    await driver.target(target.url, target.paths);
    const { opened } = await storm(driver);
    return cells(`${target.name} ${target.version}`, "all at once", opened, null, null);
  } finally {
    await target.stop();
  }
}

async function calm(): Promise<Span> {
  const from = Date.now();
  await wait(calmSeconds * 1_000);
  return { from, to: Date.now() };
}

async function storm(driver: Driver): Promise<{ opened: Opened; span: Span }> {
  const from = Date.now();
  const opened = await driver.open(subscribers, 0, 120);
  return { opened, span: { from, to: Date.now() } };
}

/** A stream that was opened is one that gets what comes. Returns how many events that took. */
async function check(driver: Driver): Promise<number> {
  await driver.settle(0.5);
  const run = await driver.outstanding(1, 0.5);
  if (run.outstanding > 0) throw new Error("an event did not reach everybody");
  return run.events;
}

/** When each message of the paced pipeline was done, by its events; milliseconds since 1970. */
async function settledAt(url: string): Promise<number[]> {
  const text = await (await fetch(url)).text();
  return [
    ...text.matchAll(
      /^data: .*"timestamp":"([^"]+)".*"type":"completed"|^data: .*"type":"completed".*"timestamp":"([^"]+)"/gm,
    ),
  ].map(([, before, after]) => Date.parse(before ?? after ?? ""));
}

/** Messages a second, and the longest time without one, in a span. */
function pace(settled: readonly number[], { from, to }: Span): { perSecond: number; longestMs: number } {
  const within = settled.filter((at) => at >= from && at <= to);
  let longestMs = 0;
  let last = from;
  for (const at of [...within, to]) {
    longestMs = Math.max(longestMs, at - last);
    last = at;
  }
  return { perSecond: (within.length / (to - from)) * 1_000, longestMs };
}

function cells(
  name: string,
  when: string,
  opened: Opened,
  before: ReturnType<typeof pace> | null,
  during: ReturnType<typeof pace> | null,
): string[] {
  const row = [
    name,
    when,
    `${opened.seconds.toFixed(2)} s`,
    thousands(opened.perSecond),
    [opened.p50Ms, opened.p99Ms, opened.maxMs].map((each) => each.toFixed(0)).join(" / "),
    String(opened.failed),
    ...[before, during].map((each) => (each === null ? "" : each.perSecond.toFixed(0))),
    ...[before, during].map((each) => (each === null ? "" : `${each.longestMs} ms`)),
  ];
  progress(row);
  return row;
}
