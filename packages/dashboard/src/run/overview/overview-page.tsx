import { useLiveRun } from "../../live/use-live-run.ts";

/** How a run goes. */
export function OverviewPage() {
  const { progress } = useLiveRun();
  return <pre>{JSON.stringify(progress, null, 2)}</pre>;
}
