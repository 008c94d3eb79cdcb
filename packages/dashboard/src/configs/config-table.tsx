import type { ConfigSummary, Execution } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { client } from "../client.ts";
import rows from "../ui/row-table.module.css";
import { RunStatus } from "../ui/run-status.tsx";
import { TimeAgo } from "../ui/time-ago.tsx";
import { ConfigState } from "./config-state.tsx";
import classes from "./config-table.module.css";

/** How many of the newest runs are looked through for each config's last. */
const NEWEST_RUNS = 200;

/** Configs, a row each; on a narrow screen a card each. */
export function ConfigTable({ configs }: { configs: readonly ConfigSummary[] }) {
  const { data } = useQuery({
    queryKey: ["runs", "newest", NEWEST_RUNS],
    queryFn: () => client.executions.list({ limit: NEWEST_RUNS }),
    refetchInterval: 5_000,
  });
  const last = new Map<string, Execution>();
  for (const run of data?.executions ?? []) {
    const { config_id: id } = run;
    if (id !== null && !last.has(id)) last.set(id, run);
  }
  return (
    <table className={rows.table}>
      <thead>
        <tr>
          <th scope="col">Config</th>
          <th scope="col">State</th>
          <th scope="col">Version</th>
          <th scope="col">Changed</th>
          <th scope="col">Source</th>
          <th scope="col">Last run</th>
        </tr>
      </thead>
      <tbody>
        {configs.map((config) => (
          <ConfigRow key={config.id} config={config} last={last.get(config.id) ?? null} />
        ))}
      </tbody>
    </table>
  );
}

const SOURCES = { api: "stored here", file: "a file", imported: "imported" } as const;

function ConfigRow({ config, last }: { config: ConfigSummary; last: Execution | null }) {
  return (
    <tr>
      <th scope="row">
        <Link to="/configs/$id" params={{ id: config.id }} className={rows.link}>
          {config.name}
        </Link>
        {config.description === null ? null : <span className={classes.description}>{config.description}</span>}
      </th>
      <td>
        <ConfigState config={config} />
      </td>
      <td className="figure" data-label="Version">
        {config.version}
      </td>
      <td data-label="Changed">
        <TimeAgo time={config.updated_at} />
      </td>
      <td className={rows.wrapped}>{config.source_path ?? SOURCES[config.source_type]}</td>
      <td className={classes.last}>
        {last === null ? null : (
          <Link to="/runs/$id" params={{ id: last.tag ?? last.id }} aria-label={`Last run: ${last.status}`}>
            <RunStatus status={last.status} />
          </Link>
        )}
      </td>
    </tr>
  );
}
