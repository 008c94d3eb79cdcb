/**
 * Deliveries a second from one execution to many subscribers, beside other servers of event streams in the same run:
 * `npx node bench/fan-out.ts [--subscribers 10000] [--only nchan,hono]`.
 */
import { machine } from "./machine.ts";
import { type FanOutOptions, fanOutCells, fanOutHead, measureFanOut } from "./measure-fan-out.ts";
import { SERVER_CORE } from "./measured.ts";
import { startMillrace } from "./millrace.ts";
import { benchOptions, isWanted } from "./options.ts";
import { ceiling, nodePeer, startNchan } from "./peers/servers.ts";
import { printTable } from "./report.ts";
import type { Start } from "./target.ts";

const options = benchOptions();
const subscribers = options.subscribers ?? (options.quick ? 100 : 1_000);
const measured: FanOutOptions = {
  subscribers,
  seconds: options.seconds ?? (options.quick ? 0.2 : subscribers > 2_000 ? 1.5 : 0.7),
  rounds: options.quick ? 1 : 5,
  // With more subscribers fewer, as each takes longer.
  several: subscribers > 2_000 ? 4 : 8,
  burst: 100,
  rates: [20_000, 100_000],
  frameBytes: options.bytes,
};

const peers: readonly (readonly [string, Start])[] = [
  ["nchan", startNchan(1)],
  ["node:http", nodePeer("node:http, a shared buffer", "node-http.js", null)],
  ["better-sse", nodePeer("better-sse `broadcast`", "better-sse.js", "better-sse")],
  ["better-sse-batch", nodePeer("better-sse shared `batch`", "better-sse.js", "better-sse", ["batch"])],
  ["@fastify/sse", nodePeer("@fastify/sse", "fastify-sse.js", "@fastify/sse")],
  ["hono", nodePeer("hono `streamSSE`", "hono.js", "hono")],
  ["ceiling", ceiling(false)],
  ["ceiling-batch", ceiling(true)],
];

const wanted = peers.filter(([name]) => isWanted(options, name)).map(([, start]) => start);
const rows = await measureFanOut(
  [() => startMillrace({}, SERVER_CORE), ...wanted.map((start) => (bytes: number) => start(bytes, SERVER_CORE))],
  measured,
);
const nchan = rows.find(({ name }) => name.startsWith("nchan"));
console.log(
  `${machine()}. ${subscribers.toLocaleString("en")} subscribers, ${Math.round(rows[0]?.one.bytesPerFrame ?? 0)} bytes a delivery.\n`,
);
printTable(
  fanOutHead(measured),
  rows.map((row) => fanOutCells(row, nchan)),
);
