import { fetchEventSource } from "@microsoft/fetch-event-source";

/** Watches an execution to its end with `@microsoft/fetch-event-source`: every event once, whatever the connection does. */
export async function watch(
  url: string,
  onEvent: (type: string, data: string, id: string) => void,
  apiKey?: string,
): Promise<void> {
  const over = new AbortController();
  let lastId = "";
  const credential = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  await fetchEventSource(url, {
    signal: over.signal,
    openWhenHidden: true,
    // The library goes on after the last id whose line it read; the event is whole only with the empty line behind it.
    fetch: (input, init) =>
      fetch(input, { ...init, headers: { ...init?.headers, ...credential, "last-event-id": lastId } }),
    async onopen({ status }) {
      if (status === 204) over.abort();
      else if (status !== 200) throw Object.assign(new Error(`The service answers ${status}.`), { status });
    },
    onmessage({ event, data, id }) {
      lastId = id;
      onEvent(event, data, id);
      if (event === "end" && ["completed", "failed", "cancelled"].includes(JSON.parse(data).reason)) over.abort();
    },
    // The library takes a clean end for the last. A time-out or a shutdown is not.
    onclose() {
      throw new Error("The stream has ended, the execution has not.");
    },
    // What is thrown here is final; else it comes back after the time of the stream's `retry:`.
    onerror(error) {
      if (error.status >= 400 && error.status < 500) throw error;
    },
  });
}
