import { EVENT_TYPES, type EventType } from "@millrace/protocol";
import { type Command, InvalidArgumentError, Option } from "commander";
import { connect, withUrl } from "../connection.ts";
import type { Output } from "../output.ts";
import { type WatchOptions, watchExecution } from "../watch-execution.ts";

interface Options extends Pick<WatchOptions, "lastEventId" | "since" | "events" | "json" | "cancel"> {
  readonly url?: string;
  readonly project?: string;
  readonly types?: EventType[];
  readonly route?: string[];
}

/** `millrace watch`. */
export function addWatch(program: Command, output: Output): void {
  withUrl(
    program
      .command("watch")
      .description("watch an execution to its end: a live table of its routes, or every event as a line")
      .argument("<id>", "an execution's id or tag")
      .option("--events", "print every event as a line, from the first on")
      .option("--json", "print every event as a line of JSON with its id and type, and last the end")
      .option(
        "--types <types>",
        `print only events of these types (${EVENT_TYPES.join(", ")}), with commas`,
        parseTypes,
      )
      .option("--route <routes>", "print only events of messages of these routes, with commas", splitList)
      .option("--last-event-id <id>", "print what came after this event")
      .addOption(new Option("--since <when>", "print what happens from now on").choices(["now"]))
      .option("--cancel", "Ctrl-C once cancels the run, twice leaves at once"),
  )
    .addHelpText("after", HELP)
    .action(async (id: string, { route, ...options }: Options) => {
      const watch = { ...options, ...(route === undefined ? {} : { routes: route }) };
      process.exitCode = await watchExecution(connect(options), id, watch, output);
    });
}

const HELP = `
The table is of what the service has counted, so that a run of millions of messages is as cheap to watch as a small one. A
pipe gets a line every two seconds in its place. --types, --route, --last-event-id and --since imply --events.

The rate is that of the last five seconds; where little was done in them, of up to a minute. The ETA of a route is shown
once nothing can come to its queue any more: no route that leads to it has messages that are not settled. The ETA of the run
is shown once that holds for all that is left to do, and none of it leads to another route.

A lost connection is taken up again where it broke off, also over restarts of the service.
Ctrl-C ends the watch, and the run goes on: somebody else may have started it. With --cancel it cancels the run.
Exits with 0 if the run completed, 1 if it failed, 7 if it was cancelled, and 130 after a Ctrl-C.

Each line of --json has the event's id: --last-event-id goes on after it.

Examples:
  $ millrace watch 01990d6f-0c5e-7000-8000-000000000000
  $ millrace watch nightly --events --types completed,failed
  $ millrace watch nightly --json | jq 'select(.type == "failed")'
  $ millrace watch nightly --json --last-event-id 4711`;

function splitList(text: string): string[] {
  return text.split(",").map((part) => part.trim());
}

function parseTypes(text: string): EventType[] {
  return splitList(text).map((word) => {
    const type = EVENT_TYPES.find((known) => known === word);
    if (type === undefined) throw new InvalidArgumentError(`"${word}" is none of ${EVENT_TYPES.join(", ")}.`);
    return type;
  });
}
