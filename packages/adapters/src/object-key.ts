import { AdapterError, type Message } from "@millrace/engine";
import { z } from "zod";

/** The field of a config for a stage: one name. */
export function stageField() {
  return z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)
    .optional()
    .describe("Part of the object's key; default the route's name");
}

/**
 * The key of an object that a step writes for a message.
 * @throws AdapterError OBJECT_NAME_INVALID, not retryable
 */
export function objectKey(message: Message, stage: string | undefined, name: string): string {
  checkName(name);
  return `executions/${message.executionId}/${message.route}/${stage ?? message.route}/${name}`;
}

/** Names are paths within their stage: nothing that leaves it, or that a file system cannot hold. */
function checkName(name: string): void {
  const bad = name
    .split("/")
    .find(
      (part) =>
        part === "" || part === "." || part === ".." || Buffer.byteLength(part) > 200 || /[\p{Cc}\p{Cs}\\]/u.test(part),
    );
  if (bad === undefined && name.length <= 1024) return;
  throw new AdapterError(
    "OBJECT_NAME_INVALID",
    `"${name.slice(0, 200)}" is no name for an object: parts between slashes must be 1 to 200 bytes long, other than "." and "..", without backslashes, control characters and halves of characters, 1024 characters in all.`,
    { retryable: false },
  );
}
