import { Tabs } from "@mantine/core";
import { useNavigate, useRouterState } from "@tanstack/react-router";

/** The views of a run, each an address of its own; kept beside the routes of router.tsx. */
const VIEWS = [{ view: "", label: "Overview" }] as const;

/** Leads from one view of a run to another. */
export function RunViews({ id }: { id: string }) {
  const navigate = useNavigate();
  const current = useRouterState({ select: ({ location }) => location.pathname.split("/")[3] ?? "" });
  return (
    <Tabs
      value={VIEWS.some(({ view }) => view === current) ? current : null}
      onChange={(view) => navigate({ to: view === "" ? `/runs/${id}` : `/runs/${id}/${view}` })}
      mb="md"
    >
      <Tabs.List style={{ flexWrap: "nowrap", overflowX: "auto", overflowY: "hidden" }}>
        {VIEWS.map(({ view, label }) => (
          <Tabs.Tab key={view} value={view}>
            {label}
          </Tabs.Tab>
        ))}
      </Tabs.List>
    </Tabs>
  );
}
