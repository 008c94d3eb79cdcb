import { Group, Tabs } from "@mantine/core";
import type { ExecutionDetail } from "@millrace/protocol";
import { useNavigate, useRouterState } from "@tanstack/react-router";
import { StreamState } from "../live/stream-state.tsx";
import { useLiveRun } from "../live/use-live-run.ts";
import { CopyLink } from "../ui/copy-link.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { RunStatus } from "../ui/run-status.tsx";

/** Which run it is, how it stands, what can be done with it, and the views of it. */
export function RunHeader({ run }: { run: ExecutionDetail }) {
  const live = useLiveRun();
  const status = live.progress?.status ?? run.status;
  const name = run.tag ?? run.id;
  return (
    <>
      <PageTitle title={name}>
        <CopyLink />
      </PageTitle>
      <Group gap="md" mb="md">
        <RunStatus status={status} />
        <StreamState stream={live.stream} error={live.error} status={status} />
      </Group>
      <RunViews id={run.id} />
    </>
  );
}

/** The views, each an address of its own; kept beside the routes of router.tsx. */
const VIEWS = [{ view: "", label: "Overview" }] as const;

function RunViews({ id }: { id: string }) {
  const navigate = useNavigate();
  const current = useRouterState({ select: ({ location }) => location.pathname.split("/")[3] ?? "" });
  return (
    <Tabs
      value={current}
      onChange={(view) => navigate({ to: view === "" ? `/runs/${id}` : `/runs/${id}/${view}` })}
      mb="md"
    >
      <Tabs.List>
        {VIEWS.map(({ view, label }) => (
          <Tabs.Tab key={view} value={view}>
            {label}
          </Tabs.Tab>
        ))}
      </Tabs.List>
    </Tabs>
  );
}
