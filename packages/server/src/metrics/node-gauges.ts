import type { SharedParts } from "../stores/stores.ts";
import { gauge, type Metrics } from "./metrics.ts";

/** Adds what is to be said of one node of several. `workingForOthers`: messages of other nodes' executions. */
export function addNodeGauges(metrics: Metrics, nodes: SharedParts, workingForOthers: () => number): void {
  const { bus, tasks, ownership } = nodes;
  gauge(metrics, "millrace_nats_connected", "1 while NATS can be reached, else 0.", () => (bus.connected ? 1 : 0));
  gauge(
    metrics,
    "millrace_database_connections",
    "Connections to PostgreSQL for reads, by state: busy, idle; and reads that wait for one.",
    () => {
      const { total, idle, waiting } = nodes.look().pool;
      return [
        [{ state: "busy" }, total - idle],
        [{ state: "idle" }, idle],
        [{ state: "waiting" }, waiting],
      ];
    },
    ["state"],
  );
  gauge(
    metrics,
    "millrace_lease_age_seconds",
    "Since this node's lease was renewed; over millrace_lease_limit_seconds others take its executions over.",
    () => nodes.look().leaseAgeMs / 1000,
  );
  gauge(metrics, "millrace_lease_limit_seconds", "How long this node may be silent: lease_seconds.", () => {
    return ownership.leaseMs / 1000;
  });
  gauge(
    metrics,
    "millrace_nodes_alive",
    "Nodes of the service whose lease holds: every node says the same.",
    async () => (await ownership.nodes()).filter(({ alive }) => alive).length,
  );
  gauge(
    metrics,
    "millrace_executions_orphaned",
    "Executions of the service that wait for a node: every node says the same.",
    () => ownership.orphans(),
  );
  gauge(
    metrics,
    "millrace_work_queue_tasks",
    "Messages that nodes have offered to each other, by state: waiting, taken. Every node says the same.",
    async () => {
      const { waiting, taken } = await tasks.depth();
      return [
        [{ state: "waiting" }, waiting],
        [{ state: "taken" }, taken],
      ];
    },
    ["state"],
  );
  gauge(
    metrics,
    "millrace_messages_for_others",
    "Messages of other nodes' executions that this node works on.",
    workingForOthers,
  );
  ownership.onLost(() => metrics.leasesLost.inc());
}
