import type { Failure, RetryResult } from "@millrace/protocol";
import type { Command } from "commander";
import { connect, type ServiceOptions, watchHint, withUrl } from "../connection.ts";
import { UsageError } from "../exit-codes.ts";
import { findConfig } from "../find-config.ts";
import { readPayload, readPayloadFile } from "../input.ts";
import { type Output, printable, table } from "../output.ts";

interface Filters {
  readonly url?: string;
  readonly project?: string;
  readonly json?: boolean;
  readonly route?: string;
  readonly adapter?: string;
  readonly code?: string;
}

interface RetryOptions extends Filters {
  readonly all?: boolean;
  readonly payload?: string;
  readonly set: readonly string[];
  readonly config?: string;
  readonly tag?: string;
  readonly again?: boolean;
}

/** `millrace executions failures` and `millrace executions retry`. */
export function addFailures(executions: Command, output: Output): void {
  const add = (name: string, description: string) =>
    withUrl(executions.command(name).description(description))
      .argument("<id>", "an execution's id or tag")
      .option("--route <route>", "only those that failed in this route")
      .option("--adapter <adapter>", "only those that failed in the adapter of this name")
      .option("--code <code>", "only those with this error code")
      .option("--json", "print JSON");

  add("failures", "list the messages of an execution that failed for good")
    .option("--groups", "count them by route, adapter and code")
    .option("--limit <n>", "how many", "20")
    .option("--offset <n>", "how many to skip", "0")
    .addHelpText(
      "after",
      "\nExamples:\n  $ millrace executions failures nightly --groups\n  $ millrace executions failures nightly --code HTTP_STATUS --json | jq '.failures[].payload'",
    )
    .action(async (id: string, options: Filters & { groups?: boolean; limit: string; offset: string }) => {
      const client = connect(options);
      if (options.groups) {
        const groups = await client.executions.failureGroups(id, filtersOf(options));
        if (options.json) return output.line(JSON.stringify(groups, null, 2));
        const rows = groups.groups.map(({ route, adapter, code, count, message }) => [
          route,
          adapter ?? "–",
          code,
          count,
          shorten(message),
        ]);
        return output.line(table(output, ["route", "adapter", "code", "messages", "for example"], rows));
      }
      const page = await client.executions.failures(id, {
        ...filtersOf(options),
        limit: Number(options.limit),
        offset: Number(options.offset),
        // A person sees none of it.
        payload: options.json === true,
      });
      if (options.json) return output.line(JSON.stringify(page, null, 2));
      output.line(table(output, ["message", "route", "adapter", "code", "attempts", "when"], page.failures.map(row)));
      if (page.has_more) output.note(`${page.total} in all; --limit and --offset show more, --groups counts them.`);
    });

  add("retry", "retry messages that failed for good")
    .argument("[message...]", "ids of messages; or choose them by --route, --adapter, --code, or --all")
    .option("--all", "all of them")
    .option("--payload <file>", "JSON that replaces the message's payload, for one message; - reads standard input")
    .option("--set <key=value>", "change a field of each payload; may be repeated", collect, [])
    .option("--config <config>", "by another config, its id or name, than the execution's own pipeline")
    .option("--tag <tag>", "a name for the execution that is started")
    .option("--again", "also those that were retried in an execution of their own before")
    .addHelpText(
      "after",
      "\nWhile the execution runs, they are retried in it. Once it is over, a new execution begins with them.\n\nExamples:\n  $ millrace executions retry nightly --all\n  $ millrace executions retry nightly --code HTTP_STATUS --config nightly --tag nightly-again\n  $ millrace executions retry nightly 0199a2c4-7d10-7b3a-9f51-3f1b8f6f2a11 --payload fixed.json",
    )
    .action(async (id: string, messages: string[], options: RetryOptions) => {
      const filters = filtersOf(options);
      if (messages.length === 0 && Object.keys(filters).length === 0 && !options.all)
        throw new UsageError("say which messages: their ids, --route, --adapter, --code, or --all");
      const client = connect(options);
      const merge = readPayload(undefined, options.set);
      const result = await client.executions.retry(id, {
        ...filters,
        ...(messages.length === 0 ? {} : { message_ids: messages }),
        ...(options.all ? { all: true } : {}),
        ...(options.payload === undefined ? {} : { payload: await readPayloadFile(options.payload) }),
        ...(merge === undefined ? {} : { payload_merge: merge }),
        ...(options.config === undefined ? {} : { config_id: (await findConfig(client, options.config)).id }),
        ...(options.tag === undefined ? {} : { tag: options.tag }),
        ...(options.again ? { again: true } : {}),
      });
      if (options.json) output.line(JSON.stringify(result, null, 2));
      else tell(output, result, options);
    });
}

function tell(output: Output, { retried, remaining, started, execution }: RetryResult, options: ServiceOptions): void {
  if (execution === null) {
    output.line("There is nothing to retry.");
    return;
  }
  const what = `${retried} ${retried === 1 ? "message is" : "messages are"} retried`;
  output.line(started ? `${what} in a new execution: ${execution.id}` : `${what} in the execution itself.`);
  if (started) output.note(watchHint(execution, options));
  if (remaining > 0) output.note(`${remaining} more fit: run the command once more for them.`);
}

function filtersOf({ route, adapter, code }: Filters) {
  return {
    ...(route === undefined ? {} : { route }),
    ...(adapter === undefined ? {} : { adapter }),
    ...(code === undefined ? {} : { code }),
  };
}

function row(failure: Failure): (string | number)[] {
  return [
    failure.message_id,
    failure.route,
    failure.adapter ?? "–",
    failure.error.code,
    failure.attempts,
    failure.failed_at ?? "–",
  ];
}

function shorten(text: string): string {
  const plain = printable(text);
  return plain.length <= 80 ? plain : `${plain.slice(0, 79)}…`;
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
