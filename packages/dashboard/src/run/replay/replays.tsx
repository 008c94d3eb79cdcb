import { Paper, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { client } from "../../client.ts";
import { RunStatus } from "../../ui/run-status.tsx";
import { TextLink } from "../../ui/text-link.tsx";
import { TimeAgo } from "../../ui/time-ago.tsx";
import { isPart } from "../run-config.ts";
import { useRun } from "../run-context.ts";
import classes from "./replays.module.css";

/** What came of a run by replay and retry; nothing where nothing did. */
export function Replays() {
  const run = useRun();
  const { data } = useQuery({
    queryKey: ["runs", "replays", run.id],
    queryFn: () => client.executions.replays(run.id, { limit: 20 }),
  });
  if (data === undefined || data.total === 0) return null;
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="xs">
        {data.replays.some(isPart) ? "Came of it" : "Done again in"}
      </Title>
      <ul className={classes.list}>
        {data.replays.map((replay) => (
          <li key={replay.id}>
            <RunStatus status={replay.status} />
            <TextLink to="/runs/$id" params={{ id: replay.tag ?? replay.id }}>
              {replay.tag ?? replay.id}
            </TextLink>
            <span>
              {isPart(replay)
                ? "subpipeline"
                : replay.replay_source === null
                  ? "retry"
                  : `replay, ${replay.replay_source}`}
              , <TimeAgo time={replay.started_at} />
            </span>
          </li>
        ))}
      </ul>
    </Paper>
  );
}
