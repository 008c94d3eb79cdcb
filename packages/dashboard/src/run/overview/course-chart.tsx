import { Paper, Text, Title } from "@mantine/core";
import type { ExecutionStats } from "@millrace/client";
import { useMemo } from "react";
import { formatCount, formatRate } from "../../format/number.ts";
import { TimeChart } from "../../ui/time-chart.tsx";

/** How many messages were settled per second, over the whole run. */
export function CourseChart({ timeline, over }: { timeline: ExecutionStats["timeline"]; over: boolean }) {
  const course = useMemo(() => toCourse(timeline, over), [timeline, over]);
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="xs">
        Messages settled per second
      </Title>
      {course === null ? (
        <Text size="sm" c="dimmed">
          {over
            ? "This run was over before anything was settled, or is of a version that kept no course."
            : "Nothing is settled yet."}
        </Text>
      ) : (
        <TimeChart
          label={`Messages settled per second: at most ${formatRate(course.peak)}; ${formatCount(course.completed)} done, ${formatCount(course.failed)} failed.`}
          times={course.times}
          series={[
            { label: "done", color: "teal", values: course.done },
            { label: "failed", color: "red", values: course.lost },
          ]}
          format={formatRate}
        />
      )}
    </Paper>
  );
}

/** Buckets as rates. The last one of a run that goes on has not passed yet, and would look like a fall. */
function toCourse(timeline: ExecutionStats["timeline"], over: boolean) {
  if (timeline === null || timeline.completed.length === 0) return null;
  const { start, bucket_ms: bucketMs, completed, failed } = timeline;
  const shown = over || completed.length < 3 ? completed.length : completed.length - 1;
  const perSecond = (counts: readonly number[]) => counts.slice(0, shown).map((count) => (count * 1000) / bucketMs);
  const done = perSecond(completed);
  const lost = perSecond(failed);
  // One moment is no course: a run that was quick is drawn over the whole of its bucket.
  if (done.length === 1) for (const values of [done, lost]) values.push(values[0] ?? 0);
  const first = Date.parse(start) / 1000;
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  return {
    times: done.map((_, bucket) => first + (bucket * bucketMs) / 1000),
    done,
    lost,
    peak: done.reduce((peak, rate, bucket) => Math.max(peak, rate + (lost[bucket] ?? 0)), 0),
    completed: sum(completed),
    failed: sum(failed),
  };
}
