import { Link, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import classes from "../ui/views.module.css";

/** The views of a run, each an address of its own; kept beside the routes of router.tsx. */
const VIEWS = [
  { to: "/runs/$id", label: "Overview" },
  { to: "/runs/$id/events", label: "Events" },
  { to: "/runs/$id/failures", label: "Failures" },
  { to: "/runs/$id/objects", label: "Objects" },
  { to: "/runs/$id/compare", label: "Compare" },
  { to: "/runs/$id/config", label: "Config" },
] as const;

/** Leads from one view of a run to another: links, so that each can be opened beside the others. */
export function RunViews({ id }: { id: string }) {
  const views = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  // On a narrow screen they scroll: the one that is looked at must be in sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path says which one that is.
  useEffect(() => {
    views.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [path]);
  return (
    <nav ref={views} className={classes.views} aria-label="Views of this run">
      {VIEWS.map(({ to, label }) => (
        <Link
          key={to}
          to={to}
          params={{ id }}
          className={classes.view}
          activeOptions={{ exact: to === "/runs/$id", includeSearch: false }}
          activeProps={{ "aria-current": "page" }}
        >
          {label}
        </Link>
      ))}
    </nav>
  );
}
