import type { JsonObject } from "@millrace/client";
import { useDeferredValue, useMemo, useRef } from "react";
import { type Outline, readOutline } from "../yaml/outline.ts";

/** The outline of a text that is being written. */
export interface LiveOutline {
  /** Of the text as it was last whole; null where it never was. */
  readonly outline: Outline | null;
  /** Whether the text cannot be read as it is now. */
  readonly isBroken: boolean;
}

/** Reads a pipeline as it is typed. The outline is the same object as long as it says the same. */
export function useOutline(text: string, schema: JsonObject): LiveOutline {
  const deferred = useDeferredValue(text);
  const read = useMemo(() => readOutline(deferred, schema), [deferred, schema]);
  const kept = useRef<{ key: string; outline: Outline } | null>(null);
  if (read !== null) {
    const key = JSON.stringify(read);
    if (kept.current?.key !== key) kept.current = { key, outline: read };
  }
  return { outline: kept.current?.outline ?? null, isBroken: read === null };
}
