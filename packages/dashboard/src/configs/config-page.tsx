import { Badge, Group, Text } from "@mantine/core";
import { ApiError, type Config } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useParams } from "@tanstack/react-router";
import { CopyLink } from "../ui/copy-link.tsx";
import { EmptyState } from "../ui/empty-state.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Loading } from "../ui/loading.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { TimeAgo } from "../ui/time-ago.tsx";
import classes from "../ui/views.module.css";
import { configQuery } from "./config-queries.ts";
import { ConfigState } from "./config-state.tsx";
import { DeleteConfig } from "./delete-config.tsx";

/** How often it is looked whether somebody else has stored a version, in milliseconds. */
const LOOK_EVERY_MS = 10_000;

/** One config: what it is, and the view of it that the address names. */
export function ConfigPage() {
  const { id } = useParams({ from: "/configs/$id" });
  const { data: config, error, refetch } = useQuery({ ...configQuery(id), refetchInterval: LOOK_EVERY_MS });
  if (error instanceof ApiError && error.code === "CONFIG_NOT_FOUND") return <NoSuchConfig id={id} />;
  // What is there stays while the service does not answer: there may be work in it.
  if (config === undefined && error !== null)
    return <ErrorPanel error={error} title="This config cannot be shown" onRetry={() => refetch()} />;
  if (config === undefined) return <Loading label="Loading the config" />;
  return (
    <>
      <ConfigHeader config={config} />
      <Outlet />
    </>
  );
}

function ConfigHeader({ config }: { config: Config }) {
  return (
    <>
      <PageTitle title={config.name}>
        <CopyLink />
        <DeleteConfig config={config} />
      </PageTitle>
      <Group gap="md" mb="xs">
        <ConfigState config={config} />
        <Text size="sm">Version {config.version}</Text>
        <Text size="sm">
          changed <TimeAgo time={config.updated_at} />
        </Text>
        {config.source_path === null ? null : (
          <Badge variant="default" tt="none" fw={400} maw="100%">
            {config.source_path}
          </Badge>
        )}
        <Text size="sm">
          <Link to="/" search={{ config: config.id }}>
            Its runs
          </Link>
        </Text>
      </Group>
      <ConfigViews id={config.id} />
    </>
  );
}

/** The views, each an address of its own; kept beside the routes of router.tsx. */
const VIEWS = [
  { to: "/configs/$id", label: "Editor" },
  { to: "/configs/$id/versions", label: "Versions" },
] as const;

function ConfigViews({ id }: { id: string }) {
  return (
    <nav className={classes.views} aria-label="Views of this config">
      {VIEWS.map(({ to, label }) => (
        <Link
          key={to}
          to={to}
          params={{ id }}
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

function NoSuchConfig({ id }: { id: string }) {
  return (
    <>
      <PageTitle title="No such config" />
      <EmptyState title={`There is no config with the id ${id}.`}>
        <Text size="sm">
          It may have been deleted. <Link to="/configs">All configs</Link>
        </Text>
      </EmptyState>
    </>
  );
}
