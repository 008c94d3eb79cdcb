import { Paper, Text, Title } from "@mantine/core";
import type { LineageStory } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { client } from "../../client.ts";
import { formatCount } from "../../format/number.ts";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { Loading } from "../../ui/loading.tsx";
import { useRun } from "../run-context.ts";
import { MessageLink } from "./message-link.tsx";
import classes from "./messages.module.css";

const SHOWN = 100;

/** What a message comes from, back to the run's first message. */
export function Ancestors({ story }: { story: LineageStory }) {
  const run = useRun();
  const { data, error, refetch } = useQuery({
    queryKey: ["message", run.id, story.correlation_id, "chain"],
    queryFn: () => client.lineage.chain(story.correlation_id, { execution_id: run.id, limit: SHOWN }),
    enabled: !story.is_root,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const before = data?.messages.filter(({ correlation_id: id }) => id !== story.correlation_id) ?? [];
  const rootFirst = [...before].sort((one, other) => one.depth - other.depth);
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="xs">
        Where it comes from
      </Title>
      {story.is_root ? (
        <Text size="sm">It is the first message of this run.</Text>
      ) : error !== null ? (
        <ErrorPanel error={error} title="What it comes from cannot be shown" onRetry={() => refetch()} />
      ) : data === undefined ? (
        <Loading label="Loading what it comes from" small />
      ) : (
        <ol className={classes.chain}>
          {rootFirst.map((node) => (
            <li key={node.correlation_id} style={{ paddingLeft: `${node.depth * 14}px` }}>
              <MessageLink node={node} />
            </li>
          ))}
          <li style={{ paddingLeft: `${story.depth * 14}px` }}>
            <MessageLink node={story} current />
          </li>
        </ol>
      )}
      {data !== undefined && data.total > SHOWN ? (
        <Text size="sm" c="dimmed">
          {formatCount(SHOWN)} of {formatCount(data.total)}
        </Text>
      ) : null}
    </Paper>
  );
}
