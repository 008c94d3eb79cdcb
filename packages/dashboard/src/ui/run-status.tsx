import type { Execution } from "@millrace/client";
import { StateDot, type Tone } from "./state-dot.tsx";

const TONES: Record<Execution["status"], Tone> = {
  running: "active",
  completed: "good",
  failed: "bad",
  cancelled: "quiet",
  interrupted: "warning",
};

/** The status of a run. */
export function RunStatus({ status }: { status: Execution["status"] }) {
  return <StateDot tone={TONES[status]} label={status} />;
}
