import { Button, Group, Modal, NativeSelect, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { ConfigVersion } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { History } from "lucide-react";
import { formatTime } from "../format/time.ts";
import { ActionButton } from "../session/action-button.tsx";
import { EmptyState } from "../ui/empty-state.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Loading } from "../ui/loading.tsx";
import { configQuery, versionsQuery } from "./config-queries.ts";
import { DiffView } from "./diff-view.tsx";
import { isConflict, useSaveConfig } from "./use-save-config.ts";
import type { VersionChoice } from "./version-choice.ts";

/** A config's versions, and what is different between two of them. */
export function VersionsPage() {
  const { id } = useParams({ from: "/configs/$id" });
  const choice = useSearch({ from: "/configs/$id/versions" });
  const navigate = useNavigate({ from: "/configs/$id/versions" });
  const { data, error, refetch } = useQuery(versionsQuery(id));
  if (error !== null && data === undefined)
    return <ErrorPanel error={error} title="The versions cannot be listed" onRetry={() => refetch()} />;
  const versions = data?.versions ?? [];
  const newest = versions[0];
  if (newest === undefined) return <Loading label="Loading the versions" height={320} />;
  const byNumber = (version: number) => versions.find((each) => each.version === version);
  const to = byNumber(choice.to ?? newest.version);
  const from = byNumber(choice.from ?? Math.max(1, (to?.version ?? 1) - 1));
  const show = (next: VersionChoice) => navigate({ search: { ...choice, ...next }, replace: true });
  if (from === undefined || to === undefined) {
    return (
      <EmptyState title="There is no such version.">
        <Button variant="default" onClick={() => navigate({ search: {} })}>
          Show the newest
        </Button>
      </EmptyState>
    );
  }
  const options = versions.map((each) => ({ value: String(each.version), label: labelOf(each, newest) }));
  return (
    <>
      <Group align="flex-end" gap="sm" mb="sm">
        <NativeSelect
          label="From"
          data={options}
          value={from.version}
          onChange={({ currentTarget }) => show({ from: Number(currentTarget.value), to: to.version })}
        />
        <NativeSelect
          label="To"
          data={options}
          value={to.version}
          onChange={({ currentTarget }) => show({ from: from.version, to: Number(currentTarget.value) })}
        />
        <RestoreVersion key={from.version} id={id} version={from} newest={newest} />
        <RestoreVersion key={`to ${to.version}`} id={id} version={to} newest={newest} />
      </Group>
      {from.config_yaml === to.config_yaml ? (
        <EmptyState title={versions.length === 1 ? "There is one version so far." : "The two texts are the same."}>
          <Text size="sm">
            {versions.length === 1
              ? "Each time that the config is saved there is another, and what has changed is shown here."
              : "What was changed is the config's name, its description, or whether it is active."}
          </Text>
        </EmptyState>
      ) : (
        <DiffView
          from={{ label: `version ${from.version}`, text: from.config_yaml }}
          to={{ label: `version ${to.version}`, text: to.config_yaml }}
        />
      )}
    </>
  );
}

/** Stores an older version's text as the next version, after asking. */
function RestoreVersion({ id, version, newest }: { id: string; version: ConfigVersion; newest: ConfigVersion }) {
  const [asking, dialog] = useDisclosure(false);
  const navigate = useNavigate({ from: "/configs/$id/versions" });
  const { data: config, refetch } = useQuery(configQuery(id));
  const save = useSaveConfig(({ version: restored }) => {
    dialog.close();
    void navigate({ search: { from: restored - 1, to: restored }, replace: true });
  });
  if (config === undefined || version.config_hash === newest.config_hash) return null;
  return (
    <>
      <ActionButton
        needs="write"
        variant="default"
        leftSection={<History size={16} aria-hidden />}
        onClick={dialog.open}
      >
        Restore version {version.version}
      </ActionButton>
      <Modal opened={asking} onClose={dialog.close} title={`Restore version ${version.version}?`}>
        <Text size="sm" mb="md">
          Its text is stored as version {config.version + 1}, which runs use from then on. All versions stay.
        </Text>
        {save.error === null ? null : (
          <ErrorPanel
            error={save.error}
            title="It was not restored"
            {...(isConflict(save.error) ? { onRetry: () => void refetch() } : {})}
          />
        )}
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={dialog.close} data-autofocus>
            Leave it as it is
          </Button>
          <Button onClick={() => save.mutate({ text: version.config_yaml, base: config })} loading={save.isPending}>
            Restore it
          </Button>
        </Group>
      </Modal>
    </>
  );
}

function labelOf({ version, created_at: at }: ConfigVersion, newest: ConfigVersion): string {
  return `Version ${version}${version === newest.version ? ", the newest" : ""} (${formatTime(at)})`;
}
