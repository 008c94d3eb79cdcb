import { Tooltip } from "@mantine/core";
import type { StreamState as State } from "@millrace/client";
import { StateDot, type Tone } from "../ui/state-dot.tsx";

/** What a stream is doing, in a word, and why when it is pointed at. */
export function StreamState({ stream, error, status }: { stream: State; error: Error | null; status: string | null }) {
  const [tone, label, detail] = describe(stream, error, status);
  return (
    <Tooltip label={detail} multiline maw={320} events={{ hover: true, focus: true, touch: true }}>
      <span aria-live="polite">
        <StateDot tone={tone} label={label} />
      </span>
    </Tooltip>
  );
}

function describe(stream: State, error: Error | null, status: string | null): readonly [Tone, string, string] {
  if (error !== null) return ["bad", "refused", error.message];
  switch (stream.state) {
    case "connecting":
      return ["warning", "connecting", "Connecting to the run's stream."];
    case "connected":
      return ["good", "live", "Connected: what happens is shown as it happens."];
    case "waiting":
      return [
        "warning",
        "reconnecting",
        `${stream.error === null ? "The connection ended." : stream.error.message} Connecting again in ${Math.ceil(stream.ms / 1000)} s, where it left off.`,
      ];
    case "ended":
      return ["quiet", "ended", status === null ? "The run is over." : `The run is over: ${status}.`];
  }
}
