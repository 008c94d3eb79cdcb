/** What a browser's page has and Node has not. */
interface Page {
  readonly document?: EventTarget & { readonly visibilityState: string };
  addEventListener?: EventTarget["addEventListener"];
  removeEventListener?: EventTarget["removeEventListener"];
}

/**
 * Calls back when the page may have slept: `cut` says that a connection from before cannot have lived through it (the
 * network was away, or the page was put aside whole). Does nothing outside of a browser. Returns how to stop.
 */
export function onWake(wake: (cut: boolean) => void): () => void {
  // The types at hand are those of Node, which has none of it.
  const page = globalThis as unknown as Page;
  const { document } = page;
  const online = () => wake(true);
  const shown = (event: Event) => wake("persisted" in event && event.persisted === true);
  const visible = () => {
    if (document?.visibilityState === "visible") wake(false);
  };
  page.addEventListener?.("online", online);
  page.addEventListener?.("pageshow", shown);
  document?.addEventListener("visibilitychange", visible);
  return () => {
    page.removeEventListener?.("online", online);
    page.removeEventListener?.("pageshow", shown);
    document?.removeEventListener("visibilitychange", visible);
  };
}
