import { Paper, Text, Title } from "@mantine/core";
import type { LineageEntry } from "@millrace/client";
import { formatClock, formatDuration } from "../../format/time.ts";
import { useNow } from "../../ui/time-ago.tsx";
import { MessageStatus } from "./message-status.tsx";
import classes from "./messages.module.css";

/** When each adapter had a message, in every attempt: a bar each, on one axis of time. */
export function StageTimeline({ stages }: { stages: readonly LineageEntry[] }) {
  const now = useNow();
  const begun = stages.flatMap(({ started_at: at }) => (at === null ? [] : [Date.parse(at)]));
  const start = Math.min(...begun);
  const endOf = ({ started_at: from, completed_at: to }: LineageEntry) =>
    to !== null ? Date.parse(to) : from === null ? start : Math.max(now, Date.parse(from));
  const whole = Math.max(1, Math.max(...stages.map(endOf)) - start);
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="xs">
        Its way through the adapters
      </Title>
      {begun.length === 0 ? (
        <Text size="sm">No adapter has begun on it.</Text>
      ) : (
        <>
          <ol className={classes.stages}>
            {stages.map((stage) => {
              const from = stage.started_at === null ? start : Date.parse(stage.started_at);
              const share = (ms: number) => `${(100 * ms) / whole}%`;
              return (
                <li key={stage.id} className={classes.stage}>
                  <span className={classes.name}>
                    {stage.adapter_name ?? "no adapter"}
                    {stage.metadata.attempt > 1 ? <small> attempt {stage.metadata.attempt}</small> : null}
                  </span>
                  <MessageStatus status={stage.stage_status} />
                  <span className={classes.axis} aria-hidden>
                    <span
                      className={classes.bar}
                      data-status={stage.stage_status}
                      style={{ left: share(from - start), width: share(endOf(stage) - from) }}
                    />
                  </span>
                  <span className={classes.took}>
                    {stage.started_at === null ? "" : formatClock(stage.started_at)}
                    {stage.duration_ms === null ? "" : `, ${formatDuration(stage.duration_ms)}`}
                  </span>
                  {stage.error_info === null ? null : (
                    <span className={classes.problem}>
                      <span className="code">{stage.error_info.code}</span>: {stage.error_info.message}
                    </span>
                  )}
                </li>
              );
            })}
          </ol>
          <Text size="sm" c="dimmed" mt="xs">
            The axis is {formatDuration(whole)} long.
          </Text>
        </>
      )}
    </Paper>
  );
}
