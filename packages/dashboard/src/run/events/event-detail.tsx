import { CloseButton, Group, Paper, Text } from "@mantine/core";
import { CodeBlock } from "../../ui/code-block.tsx";
import { TextLink } from "../../ui/text-link.tsx";
import { useRun } from "../run-context.ts";
import type { LogEntry } from "./event-log.ts";

/** An event in full, as it went over the wire. */
export function EventDetail({ entry, onClose }: { entry: LogEntry; onClose: () => void }) {
  const run = useRun();
  const { id, ...data } = entry;
  return (
    <Paper
      withBorder
      p="sm"
      component="section"
      aria-label="The chosen event"
      style={{ minHeight: 0, display: "flex", flexDirection: "column" }}
    >
      <Group justify="space-between" mb="xs" wrap="nowrap">
        <Text fw={600}>{entry.type === "gap" ? "A gap" : `${entry.type}, event ${id}`}</Text>
        <CloseButton onClick={onClose} aria-label="Close the event" />
      </Group>
      {entry.type === "gap" ? null : (
        <Group gap="sm" mb="xs">
          <TextLink
            to="/runs/$id/events"
            params={{ id: run.tag ?? run.id }}
            search={{ text: entry.message_id }}
            size="sm"
          >
            All events of this message
          </TextLink>
          <TextLink
            to="/runs/$id/messages/$message"
            params={{ id: run.tag ?? run.id, message: entry.message_id }}
            size="sm"
          >
            Its journey
          </TextLink>
        </Group>
      )}
      <CodeBlock label="The event as JSON" text={JSON.stringify(data, null, 2)} />
    </Paper>
  );
}
