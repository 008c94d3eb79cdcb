import type { Clock, Executions, FiringEnd, FiringRecord, TriggerRecord, Triggers } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { viewOf } from "../access/project-of.ts";
import type { Configs } from "../configs.ts";
import { startConfig } from "../http/routes/config-endpoints.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { dateAndTime } from "./cron.ts";
import { cronOf, timeOf } from "./trigger-view.ts";

/** What starts of firings stand on. */
export interface FiringParts {
  readonly triggers: Triggers;
  readonly configs: Configs;
  readonly executions: Executions;
  readonly clock: Clock;
  readonly metrics: Metrics | null;
}

/** A firing is another node's after so long, in milliseconds: a start is a commit, or a few. */
export const CLAIM_MS = 60_000;

/** Refusals that go by themselves: the start is tried again. */
const PASSING: ReadonlySet<string> = new Set([
  "TOO_MANY_EXECUTIONS",
  "SERVICE_UNAVAILABLE",
  "STORE_UNREACHABLE",
  "NODE_UNREACHABLE",
  "EXECUTION_MOVED",
  "SECRET_UNAVAILABLE",
]);

/** Starts that are tried, and the longest pause between two, in milliseconds: an hour and a half in all. */
const ATTEMPTS = 100;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Starts the run of a firing that was claimed, and notes what came of it. The run has an idempotency key of the firing's:
 * whoever does it once more, after a crash in between, finds the run that there is.
 */
export async function startFiring(parts: FiringParts, firing: FiringRecord): Promise<FiringEnd> {
  const end = await endOf(parts, firing);
  await parts.triggers.settle(firing.id, firing.attempts, end);
  return end;
}

async function endOf(parts: FiringParts, firing: FiringRecord): Promise<FiringEnd> {
  const trigger = await parts.triggers.get(firing.triggerId);
  const end = await started(parts, firing, trigger);
  // One that is tried again has not come to anything yet.
  if (end.outcome !== "pending") parts.metrics?.firings.inc({ kind: trigger?.kind ?? "deleted", outcome: end.outcome });
  return end;
}

async function started(
  { configs, executions, clock }: FiringParts,
  firing: FiringRecord,
  trigger: TriggerRecord | null,
): Promise<FiringEnd> {
  if (trigger === null)
    return { outcome: "failed", error: { code: "TRIGGER_NOT_FOUND", message: "The trigger was deleted." } };
  try {
    const { record } = await startConfig(configs, executions, viewOf(trigger.project), trigger.configId, {
      tag: tagOf(trigger, firing),
      skipInitMessage: false,
      idempotencyKey: `trigger:${trigger.id}:${firing.id}`,
      initPayload: { ...trigger.payload, ...firing.payload },
      metadata: {
        trigger: {
          id: trigger.id,
          name: trigger.name,
          kind: trigger.kind,
          firing_id: firing.id,
          due_at: timeOf(firing.dueAt),
        },
      },
    });
    return { outcome: "started", executionId: record.id };
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    const said = { code: error.code, message: error.message };
    if (!PASSING.has(error.code) || firing.attempts >= ATTEMPTS) return { outcome: "failed", error: said };
    const pauseMs = Math.min(LONGEST_PAUSE_MS, 1_000 * 2 ** Math.min(10, firing.attempts - 1));
    return { outcome: "pending", nextAt: clock.now() + pauseMs, error: said };
  }
}

function tagOf(trigger: TriggerRecord, firing: FiringRecord): string | null {
  if (trigger.tagTemplate === null) return null;
  const { date, time } = dateAndTime(firing.dueAt, trigger.kind === "cron" ? cronOf(trigger).time_zone : "UTC");
  const values: Readonly<Record<string, string>> = { date, time, firing: firing.id };
  return trigger.tagTemplate.replace(/\{(\w+)\}/g, (_, word: string) => values[word] ?? "").slice(0, 128);
}
