import { Link } from "@tanstack/react-router";
import classes from "../ui/views.module.css";

const VIEWS = [
  { to: "/access", label: "API keys" },
  { to: "/access/audit", label: "Audit log" },
] as const;

/** Leads between the pages of access. */
export function AccessViews() {
  return (
    <nav className={classes.views} aria-label="Views of access">
      {VIEWS.map(({ to, label }) => (
        <Link
          key={to}
          to={to}
          className={classes.view}
          activeOptions={{ exact: true, includeSearch: false }}
          activeProps={{ "aria-current": "page" }}
        >
          {label}
        </Link>
      ))}
    </nav>
  );
}
