import { emptyTimeline, type Progress } from "@millrace/protocol";

/** The folded journal of an execution that is over, as it is kept beside its record. */
export function progressToJson(progress: Progress): string {
  return JSON.stringify({ ...progress, open: [...progress.open] });
}

/** Reads what {@link progressToJson} wrote, also before there were timelines. */
export function progressFromJson(json: string): Progress {
  const kept = JSON.parse(json);
  return { timeline: emptyTimeline(), ...kept, open: new Map(kept.open) };
}
