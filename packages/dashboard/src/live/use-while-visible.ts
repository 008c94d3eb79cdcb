import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { sessionQuery } from "../session/session-query.ts";

/** How long a page may be out of sight before it gives its streams up, in milliseconds. */
const PATIENCE_MS = 30_000;

/**
 * Runs `follow` while the page can be seen, and again when it can be seen again. A browser has six connections to a
 * host for all its tabs together (HTTP/1.1), and a stream takes one: tabs that nobody looks at must not keep the others
 * waiting. `key` stands for what is followed: with another it begins anew, as it does with another login: the streams of one
 * end with it. What `follow` throws is for it to show; it is told to stop by its signal.
 */
export function useWhileVisible(follow: (signal: AbortSignal) => Promise<void>, key: string): void {
  const { data: session } = useQuery(sessionQuery);
  const isOut = session?.who === null;
  // Another for each login; null where none is needed.
  const login = session?.who?.csrf_token ?? null;
  const latest = useRef(follow);
  latest.current = follow;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for what `follow` follows, the login for who may.
  useEffect(() => {
    if (isOut) return;
    let running: AbortController | null = null;
    let leaving: ReturnType<typeof setTimeout> | undefined;
    const start = () => {
      clearTimeout(leaving);
      if (running !== null) return;
      const own = new AbortController();
      running = own;
      // An end by itself is an end: nothing is left to be followed.
      latest.current(own.signal).catch(() => {});
    };
    const stop = () => {
      clearTimeout(leaving);
      running?.abort();
      running = null;
    };
    const look = () => {
      if (document.visibilityState === "visible") start();
      else leaving = setTimeout(stop, PATIENCE_MS);
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      stop();
    };
  }, [key, login, isOut]);
}
