/**
 * What traces cost a run: messages a second without any, and with them, in turns in one process; the collector is a
 * process of its own. `npx node bench/tracing.ts`; `--messages N`, `--rounds N`; `--off --root DIR` measures another version
 * as it is, without traces.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { pino } from "pino";

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "20000" },
    rounds: { type: "string", default: "5" },
    root: { type: "string", default: join(import.meta.dirname, "..") },
    off: { type: "boolean", default: false },
  },
});
const messages = Number(values.messages);
const { openService, readSettings }: typeof import("@millrace/server") = await import(
  join(values.root, "packages/server/src/index.ts")
);

const COLLECTOR = `
const server = require("node:http").createServer((request, response) => {
  request.resume().on("end", () => response.writeHead(200).end());
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

interface Variant {
  readonly name: string;
  /** Executions that the messages are spread over. */
  readonly runs: number;
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
}

const ALL = { traces: "otlp", trace_messages: 10_000_000 };
const VARIANTS: readonly Variant[] = values.off
  ? [{ name: "off", runs: 1, flags: {}, env: {} }]
  : [
      { name: "off", runs: 1, flags: {}, env: {} },
      { name: "100 % of messages", runs: 1, flags: ALL, env: {} },
      { name: "the default: 2000 messages of a run", runs: 1, flags: { traces: "otlp" }, env: {} },
      { name: "off, in 100 runs", runs: 100, flags: {}, env: {} },
      {
        name: "1 % of 100 runs",
        runs: 100,
        flags: ALL,
        env: { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.01" },
      },
      { name: "100 % of 100 runs", runs: 100, flags: ALL, env: {} },
    ];

const collector = spawn(process.execPath, ["-e", COLLECTOR], { stdio: ["ignore", "pipe", "inherit"] });
const port = await portOf(collector);
if (!values.off) process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${port}`;
const rates = new Map<string, number[]>(VARIANTS.map(({ name }) => [name, []]));
const lost = new Map<string, string>();
for (let round = 0; round <= Number(values.rounds); round += 1) {
  for (const variant of VARIANTS) {
    const rate = await measure(variant);
    // The first is for the compiler.
    if (round > 0) rates.get(variant.name)?.push(rate);
  }
}
collector.kill();
const medianOf = (name: string) => {
  const sorted = [...(rates.get(name) ?? [])].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
};
for (const { name, runs } of VARIANTS) {
  const base = medianOf(runs === 1 ? "off" : "off, in 100 runs");
  const median = medianOf(name);
  const ratio = (median / base).toFixed(3);
  console.log(`${name.padEnd(38)} ${Math.round(median)} messages/s  × ${ratio}  ${lost.get(name) ?? ""}`);
}
process.exit(0);

async function measure({ name, runs, flags, env }: Variant): Promise<number> {
  Object.assign(process.env, { OTEL_TRACES_SAMPLER: "", OTEL_TRACES_SAMPLER_ARG: "", ...env });
  const dataDir = mkdtempSync(join(tmpdir(), "millrace-bench-tracing-"));
  // `off` by its own name, where there is such a setting: the variable above would turn traces on.
  const off = values.off ? {} : { traces: "off" };
  const settings = readSettings({
    flags: { data_dir: dataDir, max_executions: 200, ...off, ...flags },
    env: {},
    configFile: undefined,
  });
  const service = await openService(settings.settings, pino({ level: "silent" }));
  const yaml = `version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: ${messages / runs} } }], outbound: [work] }
  work:
    inbound: { concurrency: 30 }
    adapters: [{ type: log, config: { message: here, level: debug } }, { type: log, config: { message: there, level: debug } }]
init_message: { route: make }
`;
  const { definition, report } = await service.loadDefinition(yaml);
  if (definition === null) throw new Error(JSON.stringify(report.issues));
  const started = performance.now();
  await Promise.all(
    Array.from({ length: runs }, async () => {
      const { record } = await service.executions.start({
        project: "default",
        definition,
        configYaml: yaml,
        config: null,
      });
      await service.executions.wait(record.id, 600_000);
    }),
  );
  const rate = messages / ((performance.now() - started) / 1000);
  const { tracing } = service;
  await service.close(0);
  if (tracing)
    lost.set(name, `${tracing.counts.sent} spans sent, ${tracing.counts.dropped + tracing.counts.failed} lost`);
  rmSync(dataDir, { recursive: true });
  return rate;
}

async function portOf(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error("the collector says nothing");
  const [line] = await once(child.stdout, "data");
  return Number(String(line));
}
