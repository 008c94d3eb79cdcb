import { createClient, type StreamState } from "@millrace/client";
import { useExecutionEvents, useExecutionProgress } from "@millrace/client/react";
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { RunView } from "../../examples/client/run-view.tsx";

// The page's own origin.
const client = createClient();

/** The ids of an execution's events, read without React; `states` is what the stream says of itself. */
async function read(id: string, batches: boolean): Promise<{ ids: string[]; states: StreamState[] }> {
  const ids: string[] = [];
  const states: StreamState[] = [];
  const options = { onState: (state: StreamState) => states.push(state) };
  if (batches) {
    for await (const batch of client.executions.eventBatches(id, options)) ids.push(...batch.map((event) => event.id));
  } else {
    for await (const event of client.executions.events(id, options)) ids.push(event.id);
  }
  return { ids, states };
}

function Run({ id }: { id: string }) {
  const { events, count, state } = useExecutionEvents(client, id, { keep: 10 });
  const { progress } = useExecutionProgress(client, id);
  return (
    <dl>
      <dd id="of">{id}</dd>
      <dd id="count">{count}</dd>
      <dd id="kept">{events.length}</dd>
      <dd id="mixed">
        {String(events.some((event) => event.execution_id !== undefined && event.execution_id !== id))}
      </dd>
      <dd id="last">{events.at(-1)?.type}</dd>
      <dd id="state">{state?.state}</dd>
      <dd id="error">{state?.state === "ended" ? state.error?.message : ""}</dd>
      <dd id="progress">{progress === null ? "" : `${progress.status} ${progress.completed}`}</dd>
    </dl>
  );
}

function Page() {
  const [id, setId] = useState<string | null>(null);
  Object.assign(globalThis, { show: setId, read });
  if (id === null) return <p>nothing</p>;
  return (
    <>
      <Run id={id} />
      <RunView client={client} id={id} />
    </>
  );
}

const root = document.createElement("main");
document.body.append(root);
createRoot(root).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
