import { Button, CloseButton, Group, Paper, Text, Title } from "@mantine/core";
import { objectPath } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { Download, ExternalLink } from "lucide-react";
import { client } from "../../client.ts";
import { formatBytes } from "../../format/number.ts";
import { formatTime } from "../../format/time.ts";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { Loading } from "../../ui/loading.tsx";
import { TextLink } from "../../ui/text-link.tsx";
import { useRun } from "../run-context.ts";
import { ObjectPreview } from "./object-preview.tsx";
import classes from "./objects.module.css";

/** One object: what is known of it, a preview, and a way to have it whole. */
export function ObjectView({ objectKey, name, onClose }: { objectKey: string; name: string; onClose: () => void }) {
  const run = useRun();
  const { data, error, refetch } = useQuery({
    queryKey: ["object", objectKey],
    queryFn: () => client.storage.metadata(objectKey),
  });
  return (
    <Paper withBorder p="sm" component="section" aria-label="The chosen object" className={classes.view}>
      <Group justify="space-between" wrap="nowrap" mb="xs">
        <Title order={2} size="h5" style={{ overflowWrap: "anywhere" }}>
          {name}
        </Title>
        <CloseButton onClick={onClose} aria-label="Close the object" />
      </Group>
      {error !== null ? (
        <ErrorPanel error={error} title="This object cannot be shown" onRetry={() => refetch()} />
      ) : data === undefined ? (
        <Loading label="Loading the object" small />
      ) : (
        <>
          <Text size="sm" mb="xs">
            {data.content_type}, {formatBytes(data.size)}, written {formatTime(data.created_at)}
            {data.message_id === null ? null : (
              <>
                {" "}
                for{" "}
                <TextLink
                  to="/runs/$id/messages/$message"
                  params={{ id: run.tag ?? run.id, message: data.message_id }}
                  size="sm"
                >
                  this message
                </TextLink>
              </>
            )}
          </Text>
          <Group gap="xs" mb="xs">
            <Button
              size="xs"
              variant="default"
              component="a"
              href={`${objectPath(objectKey)}?download=true`}
              leftSection={<Download size={14} aria-hidden />}
            >
              Download
            </Button>
            <Button
              size="xs"
              variant="default"
              component="a"
              href={objectPath(objectKey)}
              target="_blank"
              rel="noreferrer"
              leftSection={<ExternalLink size={14} aria-hidden />}
            >
              Open by itself
            </Button>
          </Group>
          <ObjectPreview object={data} />
        </>
      )}
    </Paper>
  );
}
