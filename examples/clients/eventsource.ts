// In a browser it is there already.
import { EventSource } from "eventsource";

/**
 * Watches an execution to its end with `EventSource`: every event once, also after the refusals that stop it for good. Where
 * the service wants a credential, `getTicket` gets a ticket (`POST …/events/ticket`), another for each `EventSource`; what it throws is final.
 */
export function watch(
  url: string,
  onEvent: (type: string, data: string, id: string) => void,
  getTicket?: () => Promise<string>,
): Promise<void> {
  let lastId = "";
  return new Promise((resolve, reject) => {
    async function open(): Promise<void> {
      const from = new URL(url);
      if (lastId !== "") from.searchParams.set("last_event_id", lastId);
      if (getTicket !== undefined) from.searchParams.set("ticket", await getTicket());
      const source = new EventSource(from);
      for (const type of ["initiated", "processing", "completed", "failed", "gap", "end"]) {
        source.addEventListener(type, ({ data, lastEventId }) => {
          lastId = lastEventId;
          onEvent(type, data, lastEventId);
          if (type !== "end" || !["completed", "failed", "cancelled"].includes(JSON.parse(data).reason)) return;
          source.close();
          resolve();
        });
      }
      source.addEventListener("error", async () => {
        // It comes back by itself after a connection that ended or broke, but not after a refusal; nor does it say which.
        if (source.readyState !== source.CLOSED) return;
        const status = await fetch(from, { method: "HEAD" }).then(
          (answer) => answer.status,
          () => 503,
        );
        // The ticket of a connection that lasted has run out meanwhile.
        const isPassing = [200, 429, 503].includes(status) || (status === 401 && getTicket !== undefined);
        if (status === 204) resolve();
        else if (isPassing) setTimeout(() => open().catch(reject), 2_000 + Math.random() * 3_000);
        else reject(new Error(`The service answers ${status}.`));
      });
    }
    open().catch(reject);
  });
}
