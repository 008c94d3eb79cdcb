import { Anchor, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { EmptyState } from "../ui/empty-state.tsx";
import { PageTitle } from "../ui/page-title.tsx";

/** A path that no page has. */
export function NotFoundPage() {
  return (
    <>
      <PageTitle title="Not found" />
      <EmptyState title="There is no such page.">
        <Text size="sm">
          <Anchor component={Link} to="/">
            All runs
          </Anchor>
        </Text>
      </EmptyState>
    </>
  );
}
