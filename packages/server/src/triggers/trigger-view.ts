import type { FiringRecord, TriggerRecord } from "@millrace/engine";
import {
  type CronSpec,
  cronSpecSchema,
  type Firing,
  type FolderSpec,
  folderSpecSchema,
  type Trigger,
} from "@millrace/protocol";
import { z } from "zod";

/** What is stored of a folder's trigger: beside its spec, since when files are new, in epoch ms. */
const storedFolderSchema = folderSpecSchema.extend({ since: z.number() });

/** The spec of a trigger that goes by the clock. */
export function cronOf(trigger: TriggerRecord): CronSpec {
  return cronSpecSchema.parse(trigger.spec);
}

/** The spec of a trigger that watches a folder. */
export function folderOf(trigger: TriggerRecord): FolderSpec & { readonly since: number } {
  return storedFolderSchema.parse(trigger.spec);
}

/** A trigger as the API shows it. */
export function showTrigger(trigger: TriggerRecord, last: FiringRecord | null, problem: string | null): Trigger {
  const { since: _, ...folder } = trigger.kind === "folder" ? folderOf(trigger) : { since: 0 };
  return {
    id: trigger.id,
    project: trigger.project,
    config_id: trigger.configId,
    name: trigger.name,
    kind: trigger.kind,
    cron: trigger.kind === "cron" ? cronOf(trigger) : null,
    folder: "path" in folder ? folder : null,
    enabled: trigger.enabled,
    payload: trigger.payload,
    tag_template: trigger.tagTemplate,
    max_running: trigger.maxRunning,
    when_running: trigger.whenRunning,
    next_at: trigger.nextAt === null ? null : timeOf(trigger.nextAt),
    problem,
    last_firing: last === null ? null : showFiring(last),
    created_at: timeOf(trigger.createdAt),
    updated_at: timeOf(trigger.updatedAt),
  };
}

/** A firing as the API shows it. */
export function showFiring(firing: FiringRecord): Firing {
  return {
    id: firing.id,
    trigger_id: firing.triggerId,
    due_at: timeOf(firing.dueAt),
    at: timeOf(firing.at),
    outcome: firing.outcome,
    execution_id: firing.executionId,
    error: firing.error,
    payload: firing.payload,
    attempts: firing.attempts,
    next_at: firing.nextAt === null ? null : timeOf(firing.nextAt),
  };
}

/** RFC 3339, of epoch ms. */
export function timeOf(at: number): string {
  return new Date(at).toISOString();
}
