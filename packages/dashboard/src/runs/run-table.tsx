import type { Execution, ProgressData } from "@millrace/client";
import { Link } from "@tanstack/react-router";
import { formatDuration } from "../format/time.ts";
import { configOf } from "../run/run-config.ts";
import rows from "../ui/row-table.module.css";
import { RunStatus } from "../ui/run-status.tsx";
import { TimeAgo, useNow } from "../ui/time-ago.tsx";
import { RunCounts } from "./run-counts.tsx";
import classes from "./run-table.module.css";

/** Runs, a row each; on a narrow screen a card each. */
export function RunTable({ runs, live }: { runs: readonly Execution[]; live: ReadonlyMap<string, ProgressData> }) {
  return (
    <table className={rows.table}>
      <thead>
        <tr>
          <th scope="col">Run</th>
          <th scope="col">Status</th>
          <th scope="col">Config</th>
          <th scope="col">Messages</th>
          <th scope="col">Started</th>
          <th scope="col">Duration</th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <RunRow key={run.id} run={run} progress={live.get(run.id) ?? null} />
        ))}
      </tbody>
    </table>
  );
}

function RunRow({ run, progress }: { run: Execution; progress: ProgressData | null }) {
  const { name } = configOf(run);
  return (
    <tr>
      <th scope="row">
        {/* The link covers the row: one target, as large as what it stands for. */}
        <Link to="/runs/$id" params={{ id: run.tag ?? run.id }} className={rows.link}>
          {run.tag ?? <span className={classes.id}>{run.id}</span>}
        </Link>
      </th>
      <td>
        <RunStatus status={progress?.status ?? run.status} />
      </td>
      <td className={rows.wrapped}>{name ?? "a file"}</td>
      <td className={rows.whole}>
        <RunCounts run={run} progress={progress} />
      </td>
      <td>
        <TimeAgo time={run.started_at} />
      </td>
      <td className="figure">
        <Took run={run} />
      </td>
    </tr>
  );
}

function Took({ run: { started_at: from, completed_at: to } }: { run: Execution }) {
  const now = useNow();
  return formatDuration(Math.max(0, (to === null ? now : Date.parse(to)) - Date.parse(from)));
}
