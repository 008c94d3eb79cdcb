import { Group, Select, Stack, Text } from "@mantine/core";
import type { AuditList } from "@millrace/client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { client } from "../client.ts";
import { formatCount } from "../format/number.ts";
import { formatTime } from "../format/time.ts";
import { useLack } from "../session/use-session.ts";
import { EmptyState } from "../ui/empty-state.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { ListEnd } from "../ui/list-end.tsx";
import { Loading } from "../ui/loading.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import rows from "../ui/row-table.module.css";
import { SearchInput } from "../ui/search-input.tsx";
import { StateDot, type Tone } from "../ui/state-dot.tsx";
import { TimeAgo } from "../ui/time-ago.tsx";
import { AccessViews } from "./access-views.tsx";
import { type AuditSearch, ENTRIES_PER_PAGE, OUTCOMES, type Outcome, toAuditQuery } from "./audit-search.ts";
import { NotForYou } from "./keys-page.tsx";

const TIMES = [
  { value: "3600", label: "The last hour" },
  { value: "86400", label: "The last day" },
  { value: "604800", label: "The last week" },
  { value: "2592000", label: "The last 30 days" },
];

const TONES: Readonly<Record<Outcome, Tone>> = { allowed: "good", denied: "bad", failed: "warning" };

/** Who did what, and who was not let. */
export function AuditPage() {
  const lack = useLack("admin");
  const search = useSearch({ from: "/access/audit" });
  const navigate = useNavigate({ from: "/access/audit" });
  const { data, error, refetch, isPlaceholderData } = useQuery({
    queryKey: ["audit", search],
    queryFn: () => client.audit.list(toAuditQuery(search, Date.now())),
    placeholderData: keepPreviousData,
    enabled: lack === null,
  });
  const { page = 1, ...narrowing } = search;
  const choose = (name: Exclude<keyof AuditSearch, "page">, value: string | null) => {
    const { [name]: _before, ...rest } = narrowing;
    void navigate({ search: value === null || value === "" ? rest : { ...rest, [name]: value }, replace: true });
  };
  if (lack !== null) return <NotForYou title="Audit log" lack={lack} />;
  return (
    <>
      <PageTitle title="Audit log" />
      <AccessViews />
      <Group gap="xs" mb="md" align="flex-end" role="search" aria-label="Audit log">
        <SearchInput
          label="Who"
          placeholder="Name or id"
          value={search.actor ?? ""}
          onChange={(text) => choose("actor", text)}
        />
        <SearchInput
          label="Action"
          placeholder="config, execution.cancel"
          value={search.action ?? ""}
          onChange={(text) => choose("action", text)}
        />
        <Select
          label="Outcome"
          placeholder="Any"
          data={[...OUTCOMES]}
          value={search.outcome ?? null}
          onChange={(value) => choose("outcome", value)}
          clearable
          w={140}
        />
        <Select
          label="When"
          placeholder="Any time"
          data={TIMES}
          value={search.within ?? null}
          onChange={(value) => choose("within", value)}
          clearable
          w={170}
        />
      </Group>
      <Stack gap="sm" aria-busy={isPlaceholderData}>
        {error === null ? null : (
          <ErrorPanel
            error={error}
            title={data === undefined ? "The audit log cannot be read" : "This list is not up to date"}
            onRetry={() => refetch()}
          />
        )}
        {data === undefined ? (
          error === null && <Loading label="Loading the audit log" height={320} />
        ) : data.total === 0 ? (
          <EmptyState
            title={
              Object.keys(narrowing).length === 0
                ? "Nothing was done yet."
                : "There is nothing that fits these filters."
            }
          />
        ) : (
          <>
            <AuditTable entries={data.entries} />
            <ListEnd
              total={data.total}
              of={["entry", "entries"]}
              page={page}
              perPage={ENTRIES_PER_PAGE}
              onPage={(next) => navigate({ search: { ...narrowing, ...(next > 1 ? { page: next } : {}) } })}
            />
          </>
        )}
      </Stack>
    </>
  );
}

function AuditTable({ entries }: { entries: AuditList["entries"] }) {
  return (
    <table className={rows.table}>
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">Who</th>
          <th scope="col">Action</th>
          <th scope="col">Of what</th>
          <th scope="col">Project</th>
          <th scope="col">Outcome</th>
          <th scope="col">From</th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={entry.id}>
            <td title={formatTime(entry.at)}>
              <TimeAgo time={entry.at} />
            </td>
            <th scope="row" className={rows.wrapped} title={entry.actor.id}>
              {entry.actor.name}
              <Text size="xs" c="dimmed" fw={400}>
                {entry.actor.kind}
              </Text>
            </th>
            <td className="code" data-label="Action">
              {entry.action}
            </td>
            <td className="code" data-label="Of what">
              {entry.target?.id}
            </td>
            <td data-label="Project">{entry.project ?? ""}</td>
            <td title={`Request ${entry.request_id}`}>
              <StateDot tone={TONES[entry.outcome]} label={entry.outcome} />
              <Text span size="xs" c="dimmed" ml={6} className="figure">
                {entry.status}
                {entry.count > 1 ? `, ${formatCount(entry.count)} times` : ""}
              </Text>
            </td>
            <td className="code" data-label="From">
              {entry.address}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
