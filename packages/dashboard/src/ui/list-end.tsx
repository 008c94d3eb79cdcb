import { Group, Pagination, Text } from "@mantine/core";
import { formatCount } from "../format/number.ts";

/** What stands under a list: how many there are, and the way to its other pages, where there are any. */
export function ListEnd({
  total,
  of: [one, many],
  page,
  perPage,
  onPage,
}: {
  total: number;
  /** What one is called, and what several are. */
  of: readonly [string, string];
  /** From 1. */
  page: number;
  perPage: number;
  onPage: (page: number) => void;
}) {
  return (
    <Group justify="space-between">
      <Text size="sm" c="dimmed" className="figure" aria-live="polite">
        {formatCount(total)} {total === 1 ? one : many}
      </Text>
      {total > perPage ? (
        <Pagination
          size="sm"
          value={page}
          onChange={onPage}
          total={Math.ceil(total / perPage)}
          getControlProps={(control) => ({ "aria-label": `${control} page` })}
        />
      ) : null}
    </Group>
  );
}
