import type { Message } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";

/** What `${…}` in a field is evaluated over: the payload, with the message's own names over it. */
export function templateInput(message: Message): JsonObject {
  return {
    ...message.payload,
    message_id: message.id,
    execution_id: message.executionId,
    route: message.route,
    attempt: message.attempt,
  };
}
