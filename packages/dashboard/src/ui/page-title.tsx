import { Group, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { useEffect } from "react";

/** A page's heading, what one can do on it at the right, and the title of the browser's tab. */
export function PageTitle({
  title,
  tab = title,
  children,
}: {
  title: ReactNode /** Where the heading is no plain text. */;
  tab?: ReactNode;
  children?: ReactNode;
}) {
  const text = typeof tab === "string" ? tab : "";
  useEffect(() => {
    document.title = text === "" ? "Millrace" : `${text} · Millrace`;
  }, [text]);
  return (
    <Group justify="space-between" gap="sm" mb="md">
      <Title order={1} size="h2" style={{ overflowWrap: "anywhere" }}>
        {title}
      </Title>
      <Group gap="xs">{children}</Group>
    </Group>
  );
}
