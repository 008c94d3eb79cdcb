import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { Download } from "lucide-react";
import { downloadText } from "../../configs/download.ts";
import { CodeBlock } from "../../ui/code-block.tsx";
import { TextLink } from "../../ui/text-link.tsx";
import { configOf } from "../run-config.ts";
import { useRun } from "../run-context.ts";

/** What a run was started with: the pipeline as it was frozen then, its first payload, and its metadata. */
export function RunConfigPage() {
  const run = useRun();
  const { name, version } = configOf(run);
  const { config_yaml: yaml, init_message: first } = run.config_snapshot;
  const metadata = run.metadata ?? {};
  return (
    <Stack gap="md">
      <Paper withBorder p="md">
        <Group justify="space-between" gap="sm" mb="xs">
          <Title order={2} size="h4">
            Pipeline
          </Title>
          {typeof yaml === "string" ? (
            <Button
              size="xs"
              variant="default"
              leftSection={<Download size={14} aria-hidden />}
              onClick={() => downloadText(`${name ?? "pipeline"}.yaml`, yaml)}
            >
              Download YAML
            </Button>
          ) : null}
        </Group>
        <Text size="sm" mb="xs">
          As it was frozen when the run was started; what is saved of the config later does not change it.{" "}
          {run.config_id === null || version === null ? null : (
            <TextLink to="/configs/$id/versions" params={{ id: run.config_id }} search={{ from: version }} size="sm">
              What has changed since
            </TextLink>
          )}
        </Text>
        {typeof yaml === "string" ? (
          <CodeBlock label="The pipeline's YAML" text={yaml} />
        ) : (
          <CodeBlock label="The pipeline, as JSON" text={JSON.stringify(run.config_snapshot, null, 2)} />
        )}
      </Paper>
      <Paper withBorder p="md">
        <Title order={2} size="h4" mb="xs">
          First message
        </Title>
        {first === undefined || first === null ? (
          <Text size="sm">It began with messages of another run, or with several: there is no first one.</Text>
        ) : (
          <CodeBlock label="The first message" text={JSON.stringify(first, null, 2)} />
        )}
      </Paper>
      {Object.keys(metadata).length === 0 ? null : (
        <Paper withBorder p="md">
          <Title order={2} size="h4" mb="xs">
            Metadata
          </Title>
          <CodeBlock label="The run's metadata" text={JSON.stringify(metadata, null, 2)} />
        </Paper>
      )}
    </Stack>
  );
}
