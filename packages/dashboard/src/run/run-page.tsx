import { Loader } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Outlet, useParams } from "@tanstack/react-router";
import { client } from "../client.ts";
import { LiveRunContext, useProgressStream } from "../live/use-live-run.ts";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { RunHeader } from "./run-header.tsx";

/** One run: its header and the view of it that the address names. All views share one progress stream. */
export function RunPage() {
  const { id } = useParams({ from: "/runs/$id" });
  const {
    data: run,
    error,
    refetch,
  } = useQuery({
    queryKey: ["run", id],
    queryFn: () => client.executions.get(id),
  });
  if (error !== null) return <ErrorPanel error={error} title="This run cannot be shown" onRetry={() => refetch()} />;
  if (run === undefined) return <Loader aria-label="Loading the run" />;
  return <LiveRunPage key={run.id} run={run} />;
}

function LiveRunPage({ run }: { run: Parameters<typeof RunHeader>[0]["run"] }) {
  const live = useProgressStream(run.id);
  return (
    <LiveRunContext value={live}>
      <RunHeader run={run} />
      <Outlet />
    </LiveRunContext>
  );
}
