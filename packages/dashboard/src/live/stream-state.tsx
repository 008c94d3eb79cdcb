import { Tooltip } from "@mantine/core";
import type { ReconnectReason, StreamState as State } from "@millrace/client";
import { StateDot, type Tone } from "../ui/state-dot.tsx";

/** What a stream is doing, in a word, and why when it is pointed at. `behind`: it shows what happened a while ago. */
export function StreamState({ stream, behind = false }: { stream: State | null; behind?: boolean }) {
  const [tone, label, detail] = describe(stream, behind);
  return (
    <Tooltip label={detail} multiline maw={320} events={{ hover: true, focus: true, touch: true }}>
      {/* A stop for the Tab key: why it is so is not for those alone who have a mouse. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: see above. */}
      <span tabIndex={0}>
        <span aria-live="polite">
          <StateDot tone={tone} label={label} />
        </span>
      </span>
    </Tooltip>
  );
}

const REASONS: Record<ReconnectReason, string> = {
  timeout: "The connection had lasted as long as it may.",
  shutdown: "The service is stopping; the run goes on when it is back.",
  interrupted: "The run is interrupted: what it needs is missing. It goes on once the service can take it up again.",
  cut: "The connection broke off.",
  silent: "The connection had gone silent.",
  woken: "The page was away.",
  unreachable: "The service does not answer.",
  refused: "The service refuses the stream for the time being.",
};

function describe(stream: State | null, behind: boolean): readonly [Tone, string, string] {
  switch (stream?.state) {
    case undefined:
      return ["quiet", "paused", "Not followed while nobody looks at this page."];
    case "connecting":
      return stream.reason === null
        ? ["warning", "connecting", "Connecting to the run's stream."]
        : ["warning", "reconnecting", `${REASONS[stream.reason]} Connecting again, where it left off.`];
    case "connected":
      return behind
        ? ["active", "catching up", "Connected: what happened before is still coming in."]
        : ["good", "live", "Connected: what happens is shown as it happens."];
    case "waiting":
      return [
        stream.reason === "interrupted" ? "warning" : "bad",
        stream.reason === "interrupted" ? "interrupted" : "reconnecting",
        `${REASONS[stream.reason]} Trying again in ${Math.ceil(stream.ms / 1000)} s, where it left off.`,
      ];
    case "ended":
      if (stream.error !== null) return ["bad", "refused", stream.error.message];
      return stream.end === null
        ? ["quiet", "paused", "Not followed while nobody looks at this page."]
        : ["quiet", "ended", `The run is over: ${stream.end.reason}.`];
  }
}
