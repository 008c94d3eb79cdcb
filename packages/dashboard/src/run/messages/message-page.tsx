import { Group, Paper, Stack, Text, Title } from "@mantine/core";
import { isTerminal } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { client } from "../../client.ts";
import { formatCount } from "../../format/number.ts";
import { formatDuration, formatTime } from "../../format/time.ts";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { Loading } from "../../ui/loading.tsx";
import { TextLink } from "../../ui/text-link.tsx";
import { useRun } from "../run-context.ts";
import { Ancestors } from "./ancestors.tsx";
import { Descendants } from "./descendants.tsx";
import { MessageStatus } from "./message-status.tsx";
import { StageTimeline } from "./stage-timeline.tsx";

/** How often an unsettled message is asked about, in milliseconds. */
const EVERY_MS = 1_000;

/** A message's journey: what it comes from, what each adapter did with it and when, and what came of it. */
export function MessagePage() {
  const run = useRun();
  const { message } = useParams({ from: "/runs/$id/messages/$message" });
  const {
    data: story,
    error,
    refetch,
  } = useQuery({
    queryKey: ["message", run.id, message],
    queryFn: () => client.lineage.get(message, { execution_id: run.id }),
    refetchInterval: ({ state }) => (state.data?.completed_at === null && !isTerminal(run.status) ? EVERY_MS : false),
  });
  if (error !== null && story === undefined)
    return <ErrorPanel error={error} title="This message's journey cannot be shown" onRetry={() => refetch()} />;
  if (story === undefined) return <Loading label="Loading the message's journey" />;
  const name = run.tag ?? run.id;
  return (
    <Stack gap="md">
      <Paper withBorder p="md">
        <Title order={2} size="h4" className="code">
          {story.correlation_id}
        </Title>
        <Group gap="md" mt="xs">
          <MessageStatus status={story.status} />
          <Text size="sm">in {story.route_id}</Text>
          <Text size="sm">taken {formatTime(story.started_at)}</Text>
          {story.duration_ms === null ? null : <Text size="sm">took {formatDuration(story.duration_ms)}</Text>}
          {story.attempts > 1 ? <Text size="sm">{formatCount(story.attempts)} attempts</Text> : null}
        </Group>
        {story.error_info === null ? null : (
          <Text size="sm" mt="xs" style={{ overflowWrap: "anywhere" }}>
            <span className="code">{story.error_info.code}</span>: {story.error_info.message}
          </Text>
        )}
        <Group gap="md" mt="xs">
          <TextLink to="/runs/$id/events" params={{ id: name }} search={{ text: story.correlation_id }} size="sm">
            Its events
          </TextLink>
          {story.status === "failed" ? (
            <TextLink
              to="/runs/$id/failures"
              params={{ id: name }}
              search={{ message: story.correlation_id, route: story.route_id }}
              size="sm"
            >
              Its payload, and retry
            </TextLink>
          ) : null}
          {story.batched_into === null ? null : (
            <TextLink to="/runs/$id/messages/$message" params={{ id: name, message: story.batched_into }} size="sm">
              The batch that it went on in
            </TextLink>
          )}
        </Group>
      </Paper>
      <Ancestors story={story} />
      <StageTimeline stages={story.stages} />
      <Descendants story={story} />
    </Stack>
  );
}
