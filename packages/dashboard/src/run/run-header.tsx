import { Group, Text } from "@mantine/core";
import { useParams } from "@tanstack/react-router";
import { formatDuration } from "../format/time.ts";
import { StreamState } from "../live/stream-state.tsx";
import { useLiveRun } from "../live/use-live-run.ts";
import { CopyLink } from "../ui/copy-link.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { RunStatus } from "../ui/run-status.tsx";
import { TextLink } from "../ui/text-link.tsx";
import { TimeAgo, useNow } from "../ui/time-ago.tsx";
import { CancelRun } from "./cancel-run.tsx";
import { DeleteRun } from "./delete-run.tsx";
import { ReplayButton } from "./replay/replay-button.tsx";
import { configOf, isPart } from "./run-config.ts";
import { useRun } from "./run-context.ts";
import classes from "./run-header.module.css";
import { RunViews } from "./run-views.tsx";

/** Which run it is, how it stands, what can be done with it, and the views of it. */
export function RunHeader() {
  const run = useRun();
  // The run's id or its tag, whichever the address has: another would be another address, and none the one looked at.
  const { id } = useParams({ from: "/runs/$id" });
  const live = useLiveRun();
  const { name, version } = configOf(run);
  return (
    <>
      <PageTitle title={run.tag ?? <span className={classes.id}>{run.id}</span>} tab={run.tag ?? `Run ${run.id}`}>
        <CancelRun />
        <ReplayButton />
        <DeleteRun />
        <CopyLink label="Copy a link to this view" />
      </PageTitle>
      <Group gap="md" mb="md" className={classes.facts}>
        <RunStatus status={run.status} />
        <StreamState stream={live.stream} />
        {name === null ? null : (
          <Text size="sm">
            {run.config_id === null ? (
              name
            ) : (
              <TextLink to="/configs/$id" params={{ id: run.config_id }}>
                {name}
              </TextLink>
            )}
            {version === null ? "" : `, version ${version}`}
          </Text>
        )}
        <Text size="sm">
          started <TimeAgo time={run.started_at} />
        </Text>
        <Text size="sm">
          {run.completed_at === null ? "for" : "took"} <Elapsed from={run.started_at} to={run.completed_at} />
        </Text>
        {run.parent_execution_id === null ? null : (
          <Text size="sm">
            {isPart(run) ? "part of" : "replay of"}{" "}
            <TextLink to="/runs/$id" params={{ id: run.parent_execution_id }} className="code">
              {run.parent_execution_id}
            </TextLink>
          </Text>
        )}
      </Group>
      <RunViews id={id} />
    </>
  );
}

/** The time between two moments; up to now without the second. */
function Elapsed({ from, to }: { from: string; to: string | null }) {
  const now = useNow();
  return (
    <span className="figure">
      {formatDuration(Math.max(0, (to === null ? now : Date.parse(to)) - Date.parse(from)))}
    </span>
  );
}
