import { statfs } from "node:fs/promises";
import type { EngineLoad, Journal, Records } from "@millrace/engine";
import type { Settings } from "../settings.ts";
import { VERSION } from "../version.ts";
import { gauge, type Metrics } from "./metrics.ts";

/** What the gauges of a service are read from. */
export interface ServiceParts {
  readonly settings: Settings;
  readonly journal: Journal;
  readonly records: Records;
  readonly engine: { readonly load: EngineLoad };
}

/** The folder may be made only later: by what is kept in it. */
const NOT_THERE = "ENOENT";

/** Adds what is to be said of a service, or of one node of it, whatever it stands on. */
export function addServiceGauges(metrics: Metrics, { settings, journal, records, engine }: ServiceParts): void {
  gauge(
    metrics,
    "millrace_build_info",
    "1; the labels say what runs.",
    () => [[{ version: VERSION, node_version: process.version }, 1]],
    ["version", "node_version"],
  );
  gauge(metrics, "millrace_streams_limit", "Streams that may be open at once: max_subscribers.", () => {
    return settings.max_subscribers;
  });
  gauge(metrics, "millrace_executions_limit", "Executions that may run at once: max_executions.", () => {
    return settings.max_executions;
  });
  gauge(metrics, "millrace_executions_running", "Executions that this node works on.", () => engine.load.executions);
  gauge(
    metrics,
    "millrace_executions_unfinished",
    "Executions of the whole service that are not over, by status: every node says the same.",
    () =>
      Promise.all(
        (["running", "interrupted"] as const).map(async (status) => {
          const { total } = await records.listExecutions({
            statuses: [status],
            limit: 1,
            offset: 0,
            sortOrder: "desc",
          });
          return [{ status }, total] as const;
        }),
      ),
    ["status"],
  );
  gauge(
    metrics,
    "millrace_messages_unsettled",
    "Messages of this node's executions that are not settled: they wait, or are in flight.",
    () => engine.load.unsettled,
  );
  gauge(
    metrics,
    "millrace_messages_in_flight",
    "Messages of this node's executions that were taken out of their queues and are not settled.",
    () => engine.load.inFlight,
  );
  gauge(
    metrics,
    "millrace_route_depth_max",
    "Unsettled messages of the route that has the most of them, of all executions of this node.",
    () => engine.load.deepestRoute,
  );
  gauge(
    metrics,
    "millrace_journal_head_position",
    "The last position of the journal that is committed.",
    () => journal.head,
  );
  gauge(metrics, "millrace_journal_backlog_events", "Events that wait for their commit.", () => journal.backlog);
  gauge(metrics, "millrace_journal_fault", "1 while nothing can be committed, else 0.", () => {
    return journal.fault === null ? 0 : 1;
  });
  gauge(
    metrics,
    "millrace_disk_free_bytes",
    "Room that is left where the data directory is, for this user.",
    async () => {
      const disk = await diskOf(settings.data_dir);
      return disk === null ? undefined : disk.bavail * disk.bsize;
    },
  );
  gauge(metrics, "millrace_disk_size_bytes", "Size of the disk that the data directory is on.", async () => {
    const disk = await diskOf(settings.data_dir);
    return disk === null ? undefined : disk.blocks * disk.bsize;
  });
}

async function diskOf(folder: string) {
  try {
    return await statfs(folder);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === NOT_THERE) return null;
    throw error;
  }
}
