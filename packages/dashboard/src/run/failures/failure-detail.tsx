import { Group, Stack, Text } from "@mantine/core";
import type { Failure } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { client } from "../../client.ts";
import { formatBytes, formatCount } from "../../format/number.ts";
import { formatTime } from "../../format/time.ts";
import { CodeBlock } from "../../ui/code-block.tsx";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { Loading } from "../../ui/loading.tsx";
import { TextLink } from "../../ui/text-link.tsx";
import { useRun } from "../run-context.ts";
import classes from "./failures.module.css";
import { RetryButton } from "./retry-button.tsx";

/** A failed message: why, with which payload, and what can be done. */
export function FailureDetail({ failure }: { failure: Failure }) {
  const run = useRun();
  const { data, error, refetch } = useQuery({
    queryKey: ["failure", run.id, failure.message_id],
    queryFn: () => client.executions.failures(run.id, { message_id: [failure.message_id] }),
  });
  const payload = data?.failures[0]?.payload;
  const name = run.tag ?? run.id;
  return (
    <Stack gap="xs" className={classes.failure}>
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {failure.error.message}
      </Text>
      <Text size="sm" c="dimmed">
        {failure.failed_at === null ? null : `${formatTime(failure.failed_at)}, `}
        {failure.attempts === 1 ? "in its only attempt" : `after ${formatCount(failure.attempts)} attempts`}
        {failure.error.retryable ? "" : "; another attempt would not have helped, the adapter said"}.
      </Text>
      {failure.retried_in === null ? null : (
        <Text size="sm">
          Retried in{" "}
          <TextLink to="/runs/$id" params={{ id: failure.retried_in }} className="code">
            {failure.retried_in}
          </TextLink>
        </Text>
      )}
      <Group gap="md">
        <TextLink to="/runs/$id/messages/$message" params={{ id: name, message: failure.message_id }} size="sm">
          Its journey
        </TextLink>
        <TextLink to="/runs/$id/events" params={{ id: name }} search={{ text: failure.message_id }} size="sm">
          Its events
        </TextLink>
      </Group>
      {error !== null ? (
        <ErrorPanel error={error} title="Its payload cannot be shown" onRetry={() => refetch()} />
      ) : payload === undefined ? (
        <Loading label="Loading the payload" small />
      ) : (
        <>
          <div className={classes.payload}>
            <CodeBlock label="Its payload" text={JSON.stringify(payload, null, 2)} />
          </div>
          <Group gap="xs">
            <Text size="sm" c="dimmed" flex={1}>
              {formatBytes(failure.payload_bytes)}
            </Text>
            <RetryButton
              which={{ message_ids: [failure.message_id], again: failure.retried_in !== null }}
              count={1}
              label={failure.retried_in === null ? "Retry" : "Retry again"}
              {...(payload === null ? {} : { payload })}
            />
          </Group>
        </>
      )}
    </Stack>
  );
}
