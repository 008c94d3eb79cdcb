import { Skeleton } from "@mantine/core";
import { type Execution, isTerminal, type ProgressData } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { client } from "../client.ts";
import { formatRate, formatShort } from "../format/number.ts";
import classes from "./run-counts.module.css";

/** How many of a run's messages are done and failed: live, or, of a run that is over, as it ended. */
export function RunCounts({ run, progress }: { run: Execution; progress: ProgressData | null }) {
  const over = isTerminal(run.status);
  const { data: stats } = useQuery({
    queryKey: ["stats", run.id, true],
    queryFn: () => client.executions.stats(run.id),
    enabled: over,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const counts =
    over && stats !== undefined
      ? { done: stats.completed_messages, failed: stats.failed_messages, open: 0 }
      : progress === null
        ? null
        : {
            done: progress.completed,
            failed: progress.failed,
            open: progress.queued + progress.running + progress.retrying,
          };
  if (counts === null) return <Skeleton height={18} width={140} />;
  const { done, failed, open } = counts;
  const total = Math.max(1, done + failed + open);
  return (
    <div className={classes.counts}>
      {/* How many there would have been in a run that ended early is not known. */}
      {over && run.status !== "completed" ? null : (
        <div className={classes.bar} aria-hidden>
          <span className={classes.done} style={{ width: `${(100 * done) / total}%` }} />
          <span className={classes.failed} style={{ width: `${(100 * failed) / total}%` }} />
        </div>
      )}
      <span>
        {formatShort(done)} done
        {failed > 0 ? <span className={classes.bad}>, {formatShort(failed)} failed</span> : null}
        {open > 0 ? `, ${formatShort(open)} to do` : null}
        {over || progress === null ? null : ` · ${formatRate(progress.rate)}`}
      </span>
    </div>
  );
}
