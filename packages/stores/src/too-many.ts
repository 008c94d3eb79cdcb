import { MillraceError } from "@millrace/protocol";

/** As many executions are unfinished as may be. */
export function tooMany(maxUnfinished: number): MillraceError {
  return new MillraceError(
    "TOO_MANY_EXECUTIONS",
    `${maxUnfinished} executions are running, as many as max_executions allows. Wait for one to end, or cancel one.`,
  );
}
