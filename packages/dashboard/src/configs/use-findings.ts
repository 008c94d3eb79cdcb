import type { ValidationReport } from "@millrace/client";
import { useEffect, useState } from "react";
import { client } from "../client.ts";

/** What the service says of a text. */
export interface Findings {
  /** The newest report; of an older text while that is being checked. Null until there is one. */
  readonly report: ValidationReport | null;
  /** Whether the report is on the text as it is. */
  readonly isCurrent: boolean;
  /** Why the service was not heard; it is asked again by itself. */
  readonly error: Error | null;
}

/** A pause in typing that is long enough to ask, and the time until the service is asked again; milliseconds. */
const PAUSE_MS = 200;
const AGAIN_MS = 3_000;

/** Has the service check a pipeline as it is typed. An answer on a text that has changed since is dropped. */
export function useFindings(text: string): Findings {
  const [state, setState] = useState<{ report: ValidationReport | null; of: string | null; error: Error | null }>({
    report: null,
    of: null,
    error: null,
  });
  useEffect(() => {
    const abort = new AbortController();
    let timer = setTimeout(ask, PAUSE_MS);
    function ask() {
      client.configs.validate(text, { signal: abort.signal }).then(
        (report) => {
          if (!abort.signal.aborted) setState({ report, of: text, error: null });
        },
        (error: unknown) => {
          if (abort.signal.aborted) return;
          setState((before) => ({ ...before, error: error instanceof Error ? error : new Error(String(error)) }));
          timer = setTimeout(ask, AGAIN_MS);
        },
      );
    }
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text]);
  return { report: state.report, isCurrent: state.of === text, error: state.error };
}
