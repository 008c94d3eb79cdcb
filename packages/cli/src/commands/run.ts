import { join } from "node:path";
import {
  DEFAULT_PROJECT,
  type ErrorInfo,
  type ExecutionEvent,
  type ExecutionStatus,
  isTerminal,
  MillraceError,
  tagSchema,
} from "@millrace/protocol";
import { createLog } from "@millrace/server/log";
import { type Command, Option } from "commander";
import { v7 } from "uuid";
import { engineRoom } from "../engine-room.ts";
import { endAsJson, eventAsJson } from "../event-lines.ts";
import { exitCodeOfStatus, UsageError } from "../exit-codes.ts";
import { printFindings, summarizeReport } from "../findings-printer.ts";
import { FollowedRun } from "../followed-run.ts";
import { readInput, readPayload } from "../input.ts";
import { onSignals } from "../interrupts.ts";
import { upstreamOf } from "../live/route-links.ts";
import type { Output } from "../output.ts";
import { type DisplayMode, RunDisplay } from "../run-display.ts";
import { printSummary } from "../run-summary.ts";
import { surviveAdapters } from "../survive-adapters.ts";

interface RunOptions {
  readonly payload?: string;
  readonly set: string[];
  readonly tag?: string;
  readonly dataDir?: string;
  readonly adaptersDir?: string;
  readonly logLevel: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `millrace run`. */
export function addRun(program: Command, output: Output): void {
  program
    .command("run")
    .description("run a pipeline in this process, without a server")
    .argument("<file>", "a YAML file; - reads standard input")
    .option("--payload <json>", "fields of the first message's payload, as a JSON object")
    .addOption(new Option("--set <key=value>", "one such field; may be repeated").argParser(collect).default([]))
    .option("--tag <tag>", "a name for the execution")
    .option("--data-dir <dir>", "where the run's database and objects go; default a new folder under ./data/runs")
    .option("--adapters-dir <dir>", "a folder with adapters of your own (MILLRACE_ADAPTERS_DIR)")
    .option("--log-level <level>", "how much is logged, on stderr", "warn")
    .option("--json", "print every event as a line of JSON with its id and type, and last the end")
    .option("--quiet", "print nothing but errors")
    .addHelpText(
      "after",
      "\nA terminal shows the table that `millrace watch` shows, a pipe gets a line every two seconds.\nCtrl-C once cancels the run, twice leaves at once; it exits with 130 then.\nExits with 0 if the run completed, 1 if it failed, 7 if it was cancelled in another way.\n\nExamples:\n  $ millrace run examples/readmes.yaml\n  $ millrace run examples/hello.yaml --json | jq -r .type\n  $ millrace run pipeline.yaml --set root=docs",
    )
    .action(async (file: string, options: RunOptions) => {
      process.exitCode = await run(file, options, output);
      // Adapters may have left timers or sockets behind: the run is over all the same.
      process.exit();
    });
}

async function run(file: string, options: RunOptions, output: Output): Promise<number> {
  const yaml = await readInput(file);
  const payload = readPayload(options.payload, options.set);
  checkTag(options.tag);
  const { parseTraceContext, positionedEventsOf, openService, readSettings } = await engineRoom();
  const dataDir = options.dataDir ?? join("data", "runs", v7());
  const { settings } = readSettings({
    flags: { data_dir: dataDir, adapters_dir: options.adaptersDir, log_level: options.logLevel },
    env: settingsOfRuns(process.env),
    configFile: undefined,
  });
  const log = createLog(settings);
  const service = await openService(settings, log);
  surviveAdapters(service.engine, log);
  try {
    const { report, definition } = await service.loadDefinition(yaml);
    for (const line of printFindings({ paint: output.paintNote }, file, yaml, report)) output.note(line);
    if (definition === null) throw new MillraceError("CONFIG_INVALID", `${file}: ${summarizeReport(report)}`);
    const followed = new FollowedRun(definition, options.tag ?? definition.name ?? file);
    let lastId: string | null = null;
    const add = ({ id, event }: { id: string; event: ExecutionEvent }) => {
      lastId = id;
      followed.add(event);
      if (options.json) output.line(eventAsJson({ id, ...event }));
    };
    // Before the start, so that no event is missed; other executions of the same data directory are left out.
    const wanted: { id: string | null } = { id: null };
    const early: Parameters<Parameters<typeof service.journal.onCommit>[0]>[0][number][] = [];
    service.journal.onCommit((entries) => {
      for (const entry of entries) {
        if (wanted.id === null) early.push(entry);
        else if (entry.executionId === wanted.id) for (const event of positionedEventsOf(entry)) add(event);
      }
    });
    const { record } = await service.executions.start({
      definition,
      configYaml: yaml,
      config: null,
      project: DEFAULT_PROJECT,
      tag: options.tag ?? null,
      ...(payload === undefined ? {} : { initPayload: payload }),
      // As programs that trace leave it for those that they start.
      trace: parseTraceContext(process.env.TRACEPARENT, process.env.TRACESTATE),
    });
    wanted.id = record.id;
    for (const entry of early)
      if (entry.executionId === record.id) for (const event of positionedEventsOf(entry)) add(event);
    const mode = modeOf(options, output);
    const display = new RunDisplay(output, mode, upstreamOf(definition.document), () => followed.moment);
    let interrupted: () => boolean;
    let status: ExecutionStatus = "failed";
    let errorInfo: ErrorInfo | null = null;
    try {
      interrupted = cancelOnInterrupt(() => service.executions.stop(record.id, "cancelled", null), output);
      while (!(await service.executions.wait(record.id, 3_600_000)));
      const ended = await service.records.getExecution(record.id);
      if (ended !== null && isTerminal(ended.status)) status = ended.status;
      errorInfo = ended?.errorInfo ?? null;
      followed.end(status);
    } finally {
      display.close();
    }
    if (options.json) output.line(endAsJson(lastId, record.id, { reason: status, status }));
    else if (!options.quiet) {
      const { elapsedMs, state } = followed.moment;
      const routes = mode === "live" ? null : followed.routes;
      printSummary(output, { status, errorInfo, elapsedMs, done: state.done, failed: state.failed, routes });
      if (await hasObjects(service.objects.list(`executions/${record.id}/`))) {
        output.line(`objects: ${join(dataDir, "objects", "executions", record.id)}`);
      }
    }
    return interrupted() ? 130 : exitCodeOfStatus(status);
  } finally {
    await service.close(0);
  }
}

/** As the service checks it, so that a tag is one in both. */
function checkTag(tag: string | undefined): void {
  if (tag === undefined || tagSchema.safeParse(tag).success) return;
  throw new UsageError(
    `--tag: expected letters, digits and ._:-, up to 128, the first a letter or digit; got "${tag}"`,
  );
}

const OF_SERVICES = [
  "MILLRACE_HOST",
  "MILLRACE_PORT",
  "MILLRACE_WORKERS",
  "MILLRACE_DATA_DIR",
  "MILLRACE_CONFIGS_DIR",
  "MILLRACE_LOG_LEVEL",
  "MILLRACE_DATABASE_URL",
  "MILLRACE_NATS_URL",
  "MILLRACE_OBJECTS_URL",
  "MILLRACE_ENGINE",
  "MILLRACE_NODE_NAME",
  "MILLRACE_LEASE_SECONDS",
  "MILLRACE_WORK_SLOTS",
];

/** A run has a process of its own: settings of the service about addresses and folders do not concern it. */
function settingsOfRuns(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OF_SERVICES.includes(name)));
}

function modeOf(options: RunOptions, output: Output): DisplayMode {
  if (options.json || options.quiet) return "quiet";
  return output.isTerminal ? "live" : "lines";
}

function cancelOnInterrupt(cancel: () => Promise<unknown>, output: Output): () => boolean {
  let interrupted = false;
  onSignals(
    ["SIGINT", "SIGTERM"],
    () => {
      interrupted = true;
      output.note("Cancelling the run; Ctrl-C once more leaves at once.");
      // Over by itself in the meantime: just as well.
      cancel().catch(() => undefined);
    },
    () => process.exit(130),
  );
  return () => interrupted;
}

async function hasObjects(keys: AsyncIterable<string>): Promise<boolean> {
  for await (const _ of keys) return true;
  return false;
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}
