import { Alert, Button, Group, Paper, Text } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { ArrowDownToLine, FastForward, Pause } from "lucide-react";
import { useMemo, useState } from "react";
import { formatCount } from "../../format/number.ts";
import { StreamState } from "../../live/stream-state.tsx";
import { TallList } from "../../ui/tall-list.tsx";
import { useRun } from "../run-context.ts";
import { EventDetail } from "./event-detail.tsx";
import { EventFilterBar } from "./event-filter-bar.tsx";
import { type EventSearch, toFilters } from "./event-filters.ts";
import type { LogEntry } from "./event-log.ts";
import { EVENT_ROW_HEIGHT, EventRow } from "./event-row.tsx";
import classes from "./events-page.module.css";
import { useEventLog } from "./use-event-log.ts";

/** The journal of a run, live: every event, or those that fit the filters. */
export function EventsPage() {
  const run = useRun();
  const search = useSearch({ from: "/runs/$id/events" });
  const navigate = useNavigate({ from: "/runs/$id/events" });
  const filters = useMemo(() => toFilters(search), [search]);
  const log = useEventLog(run.id, filters);
  const [following, setFollowing] = useState(true);
  const [chosen, setChosen] = useState<{ index: number; entry: LogEntry } | null>(null);
  const { at, want } = log;
  const narrow = (next: EventSearch) => {
    setChosen(null);
    setFollowing(true);
    void navigate({ search: next, replace: true });
  };
  return (
    <>
      <EventFilterBar search={search} onChange={narrow} />
      <Group gap="sm" mb="xs">
        <Button
          size="xs"
          variant="default"
          onClick={() => setFollowing(!following)}
          aria-pressed={following}
          leftSection={following ? <Pause size={14} aria-hidden /> : <ArrowDownToLine size={14} aria-hidden />}
        >
          {following ? "Pause" : "Follow"}
        </Button>
        {log.behind ? (
          <Button size="xs" variant="default" onClick={log.skip} leftSection={<FastForward size={14} aria-hidden />}>
            Skip to now
          </Button>
        ) : null}
        <Text size="sm" className="figure">
          {formatCount(log.total)} {log.total === 1 ? "event" : "events"}
        </Text>
        <StreamState stream={log.stream} behind={log.behind} />
      </Group>
      {log.skipped ? (
        <Alert variant="outline" color="gray" py="xs" mb="xs">
          <Text size="sm">
            What had happened before was left out.{" "}
            <Button size="compact-xs" variant="default" onClick={() => log.restart()}>
              Show all
            </Button>
          </Text>
        </Alert>
      ) : null}
      <div className={classes.split} data-open={chosen !== null || undefined}>
        <Paper withBorder className={classes.list}>
          {log.total === 0 ? (
            <Text size="sm" p="md" c="dimmed">
              {log.stream?.state === "ended" ? "No event fits." : "No event yet."}
            </Text>
          ) : null}
          <TallList
            label="Events"
            total={log.total}
            rowHeight={EVENT_ROW_HEIGHT}
            following={following}
            onFollowing={setFollowing}
            onSight={want}
            row={(index) => <EventRow entry={at(index)} />}
            chosen={chosen?.index ?? null}
            onChoose={(index) => {
              const entry = at(index);
              if (entry !== undefined) setChosen({ index, entry });
            }}
          />
        </Paper>
        {chosen === null ? null : <EventDetail entry={chosen.entry} onClose={() => setChosen(null)} />}
      </div>
    </>
  );
}
