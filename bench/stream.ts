/**
 * Bytes a second of a finished run read back, and deliveries a second of a live one to many readers, beside a bare
 * server over `res.write`: `npx node bench/stream.ts`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { ServiceProcess } from "../test/support/service-process.ts";
import { median, report } from "./report.ts";

const MESSAGES = 5_000;
const EVENTS = 3 * (MESSAGES + 1);
const READERS = 100;
const REPLAYED_MESSAGES = 50_000;
const REPLAYED_EVENTS = 3 * (REPLAYED_MESSAGES + 1);

const pipeline = (count: number) => `version: "1.0"
name: bench
routes:
  make:
    adapters: [{ type: generate, config: { count: ${count} } }]
    outbound: [sink]
  sink:
    inbound: { concurrency: 8 }
    adapters: [{ type: filter, config: { when: "false" } }]
init_message: { route: make }
`;

interface Read {
  readonly bytes: number;
  readonly seconds: number;
}

function node(script: string, args: readonly (string | number)[]): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, "peers", script), ...args.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (text.includes("\n")) break;
  }
  return text.trim();
}

async function read(url: string, readers: number): Promise<Read> {
  return JSON.parse(await firstLine(node("readers.ts", [url, readers])));
}

async function withPeer<T>(args: readonly number[], use: (url: string) => Promise<T>): Promise<T> {
  const peer = node("plain-sse.ts", args);
  try {
    return await use(await firstLine(peer));
  } finally {
    peer.kill();
    await once(peer, "exit");
  }
}

await using service = await ServiceProcess.start(["--max-executions", "10"]);

const finished = await service.run(pipeline(REPLAYED_MESSAGES));
await service.client.executions.wait(finished);
let frameBytes = 0;
const replayed = await median(3, async () => {
  const { bytes, seconds } = await read(`${service.url}/api/v1/executions/${finished}/events`, 1);
  frameBytes = Math.round(bytes / REPLAYED_EVENTS);
  return REPLAYED_EVENTS / seconds;
});
const fromMemory = await withPeer([REPLAYED_EVENTS, 1, frameBytes], (url) =>
  median(3, async () => REPLAYED_EVENTS / (await read(`${url}/file`, 1)).seconds),
);

const live = await median(3, async () => {
  const config = await service.client.configs.create({ config_yaml: pipeline(MESSAGES), name: "live" });
  const execution = await service.client.configs.run(config.id);
  const { seconds } = await read(`${service.url}/api/v1/executions/${execution.id}/events`, READERS);
  return (READERS * EVENTS) / seconds;
});
const bare = await median(3, () =>
  withPeer([EVENTS, READERS, frameBytes], async (url) => {
    await wait(100);
    return (READERS * EVENTS) / (await read(`${url}/live`, READERS)).seconds;
  }),
);

report([
  {
    what: `one reader of a finished run of ${REPLAYED_EVENTS.toLocaleString("en")} events`,
    unit: "events/s",
    ours: replayed,
    peer: fromMemory,
    peerIs: "`node:http` sending as many bytes from memory in one piece",
  },
  {
    what: `${READERS} readers of a run of ${EVENTS.toLocaleString("en")} events, while it runs`,
    unit: "deliveries/s",
    ours: live,
    peer: bare,
    peerIs: "`node:http` with `res.write` per event and reader, and nothing to run",
  },
]);
