import type { Client } from "@millrace/client";
import { useExecutionEvents, useExecutionProgress } from "@millrace/client/react";

/** A run as it is now, and its last failures. `client` is made once, outside of components. */
export function RunView({ client, id }: { client: Client; id: string }) {
  const { progress, state } = useExecutionProgress(client, id);
  const { events } = useExecutionEvents(client, id, { types: ["failed"], keep: 20 });
  return (
    <section>
      <p>{state?.state === "waiting" ? `Connection lost (${state.reason})` : (progress?.status ?? "…")}</p>
      <progress max={1} value={progress === null ? 0 : progress.completed / total(progress)} />
      <ul>
        {events.map((event) =>
          event.type === "failed" ? (
            <li key={event.id}>
              {event.route}: {event.error.message}
            </li>
          ) : null,
        )}
      </ul>
    </section>
  );
}

function total({
  queued,
  running,
  retrying,
  completed,
  failed,
}: Record<"queued" | "running" | "retrying" | "completed" | "failed", number>) {
  return Math.max(1, queued + running + retrying + completed + failed);
}
