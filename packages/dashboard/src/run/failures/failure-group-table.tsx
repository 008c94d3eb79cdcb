import { Button, Paper, ScrollArea, Table, Text } from "@mantine/core";
import type { FailureGroups } from "@millrace/client";
import { formatCount } from "../../format/number.ts";
import { TimeAgo } from "../../ui/time-ago.tsx";
import type { FailureSearch } from "./failure-search.ts";
import classes from "./failures.module.css";
import { RetryButton } from "./retry-button.tsx";

/** Failures that have route, adapter and code in common, counted. */
export function FailureGroupTable({
  groups,
  search,
  onChoose,
}: {
  groups: FailureGroups["groups"];
  search: FailureSearch;
  onChoose: (search: FailureSearch) => void;
}) {
  return (
    <Paper withBorder>
      <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: "region", "aria-label": "Groups of failures" }}>
        <Table verticalSpacing="xs" miw={720}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Error</Table.Th>
              <Table.Th>Where</Table.Th>
              <Table.Th>Messages</Table.Th>
              <Table.Th>Last</Table.Th>
              <Table.Th>
                <span className={classes.unseen}>What to do</span>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {groups.map((group) => {
              const { route, adapter, code, count } = group;
              const those = { route, code, ...(adapter === null ? {} : { adapter }) };
              const chosen =
                search.route === route && search.code === code && search.adapter === (adapter ?? undefined);
              return (
                <Table.Tr
                  key={`${route}/${adapter}/${code}`}
                  data-chosen={chosen || undefined}
                  className={classes.group}
                >
                  <Table.Td className={classes.error}>
                    <Text size="sm" fw={600} className="code">
                      {code}
                    </Text>
                    <Text size="sm" lineClamp={2}>
                      {group.message}
                    </Text>
                  </Table.Td>
                  <Table.Td>
                    <Text size="sm">{adapter === null ? route : `${route} / ${adapter}`}</Text>
                  </Table.Td>
                  <Table.Td className="figure">{formatCount(count)}</Table.Td>
                  <Table.Td>{group.last_failed_at === null ? "–" : <TimeAgo time={group.last_failed_at} />}</Table.Td>
                  <Table.Td className={classes.actions}>
                    <Button
                      size="xs"
                      variant="default"
                      aria-pressed={chosen}
                      onClick={() => onChoose(chosen ? {} : those)}
                    >
                      {chosen ? "Show all" : "Show these"}
                    </Button>
                    <RetryButton which={those} count={count} label={`Retry ${formatCount(count)}`} />
                  </Table.Td>
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </ScrollArea>
    </Paper>
  );
}
