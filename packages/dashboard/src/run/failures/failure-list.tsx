import { Accordion, Group, Pagination, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../client.ts";
import { formatCount } from "../../format/number.ts";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { Loading } from "../../ui/loading.tsx";
import { TimeAgo } from "../../ui/time-ago.tsx";
import { useRun } from "../run-context.ts";
import { FailureDetail } from "./failure-detail.tsx";
import type { FailureSearch } from "./failure-search.ts";

const PER_PAGE = 20;
/** A page of failures that were counted otherwise is soon of no use, in milliseconds. */
const KEPT_MS = 30_000;

/** The failed messages that fit; each opens to its payload and what can be done with it. */
export function FailureList({
  search,
  failed,
  onChoose,
}: {
  search: FailureSearch;
  /** How many have failed: with another number the list is asked for again. */
  failed: number | null;
  onChoose: (search: FailureSearch) => void;
}) {
  const run = useRun();
  const { message, ...narrowing } = search;
  const which = JSON.stringify(narrowing);
  const [{ of, page }, setPage] = useState({ of: which, page: 1 });
  const shown = of === which ? page : 1;
  const { data, error, refetch } = useQuery({
    queryKey: ["failures", run.id, narrowing, shown, failed],
    queryFn: () =>
      client.executions.failures(run.id, {
        ...narrowing,
        payload: false,
        limit: PER_PAGE,
        offset: (shown - 1) * PER_PAGE,
      }),
    placeholderData: (before) => before,
    gcTime: KEPT_MS,
  });
  if (error !== null && data === undefined)
    return <ErrorPanel error={error} title="These failures cannot be listed" onRetry={() => refetch()} />;
  if (data === undefined) return <Loading label="Loading the failed messages" />;
  const pages = Math.ceil(data.total / PER_PAGE);
  return (
    <Stack gap="sm" component="section" aria-label="Failed messages">
      <Title order={2} size="h4">
        {Object.keys(narrowing).length === 0 ? "All failed messages" : "Failed messages of this group"}
      </Title>
      <Accordion
        variant="separated"
        value={message ?? null}
        onChange={(id) => onChoose(id === null ? narrowing : { ...narrowing, message: id })}
      >
        {data.failures.map((failure) => (
          <Accordion.Item key={failure.message_id} value={failure.message_id}>
            <Accordion.Control>
              <Group gap="sm">
                <Text size="sm" className="code">
                  {failure.message_id.slice(-12)}
                </Text>
                <Text size="sm" fw={600} className="code">
                  {failure.error.code}
                </Text>
                <Text size="sm">
                  {failure.adapter === null ? failure.route : `${failure.route} / ${failure.adapter}`}
                </Text>
                <Text size="sm" c="dimmed">
                  {failure.failed_at === null ? null : <TimeAgo time={failure.failed_at} />}
                  {failure.attempts > 1 ? `, ${formatCount(failure.attempts)} attempts` : null}
                  {failure.retried_in === null ? null : ", retried"}
                </Text>
              </Group>
            </Accordion.Control>
            <Accordion.Panel>
              {failure.message_id === message ? <FailureDetail failure={failure} /> : null}
            </Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
      {pages > 1 ? (
        <Pagination
          size="sm"
          value={shown}
          onChange={(next) => setPage({ of: which, page: next })}
          total={pages}
          getControlProps={(control) => ({ "aria-label": `${control} page` })}
        />
      ) : null}
    </Stack>
  );
}
