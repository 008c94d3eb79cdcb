import type { Ending, ExecutionRecord, WebhookEvent } from "@millrace/engine";
import type { WebhookBody } from "@millrace/protocol";
import { durationMs } from "../http/execution-view.ts";

/** What a journal's record of an ending is called. */
export function eventOf({ lifecycle }: Ending): WebhookEvent {
  return `execution.${lifecycle.kind === "ended" ? lifecycle.status : "interrupted"}`;
}

/** What is told of an ending: small, and as things were then. */
export function bodyOf(ending: Ending): WebhookBody {
  const { lifecycle, execution } = ending;
  const status = lifecycle.kind === "ended" ? lifecycle.status : "interrupted";
  const error = lifecycle.kind === "interrupted" ? lifecycle.error : execution.errorInfo;
  return bodyOfExecution(eventOf(ending), lifecycle.at, { ...execution, status, errorInfo: error });
}

/** What is told of an execution. */
function bodyOfExecution(type: string, timestamp: string, execution: ExecutionRecord): WebhookBody {
  const { name } = execution.configSnapshot;
  return {
    type,
    timestamp,
    data: {
      id: execution.id,
      project: execution.project,
      config_id: execution.configId,
      config_name: typeof name === "string" ? name : null,
      status: execution.status,
      tag: execution.tag,
      started_at: execution.startedAt,
      completed_at: execution.completedAt,
      duration_ms: execution.completedAt === null ? null : durationMs(execution, 0),
      parent_execution_id: execution.parentExecutionId,
      metadata: execution.metadata,
      error_info: execution.errorInfo,
    },
  };
}

/** What a test tells: as an execution that is completed would be told of, under an id that none has. */
export function testBody(project: string, at: string): WebhookBody {
  return {
    type: "webhook.test",
    timestamp: at,
    data: {
      id: "00000000-0000-0000-0000-000000000000",
      project,
      config_id: null,
      config_name: null,
      status: "completed",
      tag: null,
      started_at: at,
      completed_at: at,
      duration_ms: 0,
      parent_execution_id: null,
      metadata: {},
      error_info: null,
    },
  };
}
