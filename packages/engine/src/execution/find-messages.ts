import type { StoredMessage, WorkQueue } from "../ports.ts";

const PAGE_MESSAGES = 1_000;
const PAGE_BYTES = 8 * 1024 * 1024;

/** Finds, among an execution's messages that are not settled, those with the given ids. */
export async function* findMessages(
  work: WorkQueue,
  executionId: string,
  routes: Iterable<string>,
  ids: Iterable<string>,
): AsyncGenerator<StoredMessage> {
  const wanted = new Set(ids);
  for (const { seq } of await work.delayed(executionId)) {
    if (wanted.size === 0) return;
    const message = await work.get(executionId, seq);
    if (message !== null && wanted.delete(message.id)) yield message;
  }
  for (const route of routes) {
    for (let after = 0; wanted.size > 0; ) {
      const page = await work.take(executionId, route, after, PAGE_MESSAGES, PAGE_BYTES);
      for (const message of page) if (wanted.delete(message.id)) yield message;
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.seq;
    }
  }
}
