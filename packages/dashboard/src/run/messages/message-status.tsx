import type { LineageNode } from "@millrace/client";
import { StateDot, type Tone } from "../../ui/state-dot.tsx";

const TONES: Record<LineageNode["status"], Tone> = {
  pending: "warning",
  initiated: "active",
  processing: "active",
  completed: "good",
  failed: "bad",
  cancelled: "quiet",
};

/** Where a message, or a stage of it, stands. */
export function MessageStatus({ status }: { status: LineageNode["status"] }) {
  return <StateDot tone={TONES[status]} label={status} />;
}
