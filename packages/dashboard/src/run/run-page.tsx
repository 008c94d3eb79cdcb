import { ApiError, type ExecutionDetail, isTerminal } from "@millrace/client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { LiveRunContext, useProgressStream } from "../live/use-live-run.ts";
import { EmptyState } from "../ui/empty-state.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Loading } from "../ui/loading.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { RunContext } from "./run-context.ts";
import { RunHeader } from "./run-header.tsx";
import { runQuery } from "./run-query.ts";

/** One run: its header and the view of it that the address names. All views share one progress stream. */
export function RunPage() {
  const { id } = useParams({ from: "/runs/$id" });
  const { data: run, error, refetch } = useQuery(runQuery(id));
  if (error instanceof ApiError && error.code === "EXECUTION_NOT_FOUND") return <NoSuchRun id={id} />;
  if (error !== null && run === undefined)
    return <ErrorPanel error={error} title="This run cannot be shown" onRetry={() => refetch()} />;
  if (run === undefined) return <Loading label="Loading the run" />;
  return <LiveRunPage key={run.id} run={run} name={id} />;
}

function LiveRunPage({ run, name }: { run: ExecutionDetail; name: string }) {
  const live = useProgressStream(run.id);
  const queries = useQueryClient();
  const status = live.progress?.status ?? run.status;
  // When it ended, and why, is not in its progress.
  useEffect(() => {
    if (status !== run.status) void queries.invalidateQueries({ queryKey: ["run", name] });
  }, [status, run.status, name, queries]);
  return (
    <LiveRunContext value={live}>
      <RunContext value={isTerminal(run.status) ? run : { ...run, status }}>
        <RunHeader />
        <Outlet />
      </RunContext>
    </LiveRunContext>
  );
}

function NoSuchRun({ id }: { id: string }) {
  return (
    <>
      <PageTitle title="No such run" />
      <EmptyState title={`There is no run with the id or tag ${id}.`}>
        It may have been deleted, or removed when it was older than the service keeps runs. <Link to="/">All runs</Link>
      </EmptyState>
    </>
  );
}
