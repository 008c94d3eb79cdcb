import { Alert, Button, Code, Group, Text } from "@mantine/core";
import { ApiError } from "@millrace/client";
import { CircleAlert } from "lucide-react";
import { isPassing } from "../query-client.ts";

/** What went wrong, in the service's words, with what helps to find out more; and a way to try again. */
export function ErrorPanel({ error, title, onRetry }: { error: Error; title: string; onRetry?: () => void }) {
  const { code, correlationId } = error instanceof ApiError ? error : { code: null, correlationId: null };
  return (
    <Alert color="red" variant="outline" icon={<CircleAlert aria-hidden />} title={title}>
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {error.message}
      </Text>
      <Group gap="sm" mt="xs">
        {code === null ? null : <Code>{code}</Code>}
        {correlationId === null ? null : (
          <Text size="xs" c="dimmed" className="code">
            request {correlationId}
          </Text>
        )}
        {isPassing(error) && onRetry !== undefined ? <Text size="xs">It is asked again by itself.</Text> : null}
        {onRetry === undefined ? null : (
          <Button size="xs" variant="default" onClick={onRetry}>
            Try again
          </Button>
        )}
      </Group>
    </Alert>
  );
}
