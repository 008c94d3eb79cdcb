import { Button, Group, Paper, SegmentedControl, Text, Title } from "@mantine/core";
import type { LineageStory } from "@millrace/client";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../client.ts";
import { formatCount } from "../../format/number.ts";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { Loading } from "../../ui/loading.tsx";
import { useRun } from "../run-context.ts";
import { MessageLink } from "./message-link.tsx";
import classes from "./messages.module.css";

const PER_PAGE = 100;

/** What came of a message: directly, or all that came of that in turn. */
export function Descendants({ story }: { story: LineageStory }) {
  const run = useRun();
  const [reach, setReach] = useState("direct");
  const direct = reach === "direct";
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ["message", run.id, story.correlation_id, "children", direct, story.children],
    queryFn: ({ pageParam: offset }) =>
      client.lineage.children(story.correlation_id, { execution_id: run.id, direct, limit: PER_PAGE, offset }),
    initialPageParam: 0,
    getNextPageParam: (last) => (last.has_more ? last.offset + last.limit : undefined),
  });
  const messages = data?.pages.flatMap((page) => page.messages) ?? [];
  const total = data?.pages[0]?.total ?? 0;
  const emitted = Object.entries(story.emitted ?? {});
  return (
    <Paper withBorder p="md">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4">
          What came of it
        </Title>
        <SegmentedControl
          size="xs"
          value={reach}
          onChange={setReach}
          data={[
            { value: "direct", label: "Directly" },
            { value: "all", label: "All" },
          ]}
          aria-label="How far"
        />
      </Group>
      {emitted.length === 0 ? null : (
        <Text size="sm" mb="xs">
          It emitted {emitted.map(([route, count]) => `${formatCount(count)} to ${route}`).join(", ")}.
        </Text>
      )}
      {error !== null ? (
        <ErrorPanel error={error} title="What came of it cannot be shown" onRetry={() => refetch()} />
      ) : data === undefined ? (
        <Loading label="Loading what came of it" small />
      ) : total === 0 ? (
        <Text size="sm">{story.completed_at === null ? "Nothing yet." : "Nothing: it was the last of its line."}</Text>
      ) : (
        <>
          <ul className={classes.chain}>
            {messages.map((node) => (
              <li
                key={node.correlation_id}
                style={{ paddingLeft: `${Math.max(0, node.depth - story.depth - 1) * 14}px` }}
              >
                <MessageLink node={node} />
              </li>
            ))}
          </ul>
          <Group mt="xs">
            <Text size="sm" c="dimmed">
              {formatCount(messages.length)} of {formatCount(total)}
            </Text>
            {hasNextPage ? (
              <Button size="xs" variant="default" loading={isFetchingNextPage} onClick={() => fetchNextPage()}>
                Show more
              </Button>
            ) : null}
          </Group>
        </>
      )}
    </Paper>
  );
}
