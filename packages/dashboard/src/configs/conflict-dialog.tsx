import { Button, Group, Modal, Text } from "@mantine/core";
import type { Config } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Loading } from "../ui/loading.tsx";
import { configQuery } from "./config-queries.ts";
import { DiffView } from "./diff-view.tsx";

/** Somebody else has stored a version while this text was being changed: which of the two is it to be? */
export function ConflictDialog({
  base,
  text,
  opened,
  onClose,
  onOverwrite,
  onTake,
}: {
  base: Config;
  text: string;
  opened: boolean;
  onClose: () => void;
  /** Store this text as the version after theirs. */
  onOverwrite: (theirs: Config) => void;
  /** Drop this text. */
  onTake: (theirs: Config) => void;
}) {
  const { data, error, refetch } = useQuery({
    ...configQuery(base.id),
    enabled: opened,
    staleTime: 0,
    refetchOnMount: "always",
  });
  const theirs = data !== undefined && data.version > base.version ? data : undefined;
  return (
    <Modal opened={opened} onClose={onClose} title="Somebody else has saved this config" size="80rem">
      {error !== null ? (
        <ErrorPanel error={error} title="Their version cannot be read" onRetry={() => refetch()} />
      ) : theirs === undefined ? (
        <Loading label="Loading their version" />
      ) : (
        <>
          <Text size="sm" mb="sm">
            You changed version {base.version}; by now there is version {theirs.version}. Nothing of yours was stored.
            Their text and yours:
          </Text>
          <DiffView
            from={{ label: `version ${theirs.version}, theirs`, text: theirs.config_yaml }}
            to={{ label: "your text", text }}
          />
          <Group justify="flex-end" mt="md">
            <Button variant="default" onClick={onClose} data-autofocus>
              Go on editing
            </Button>
            <Button variant="default" onClick={() => onTake(theirs)}>
              Drop mine, take version {theirs.version}
            </Button>
            <Button color="red" onClick={() => onOverwrite(theirs)}>
              Save mine as version {theirs.version + 1}
            </Button>
          </Group>
        </>
      )}
    </Modal>
  );
}
