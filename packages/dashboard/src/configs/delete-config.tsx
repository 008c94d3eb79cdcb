import { Button, Group, Modal, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import type { Config } from "@millrace/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Trash2 } from "lucide-react";
import { client } from "../client.ts";
import { ActionButton } from "../session/action-button.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { configQuery } from "./config-queries.ts";

/** Deletes a config with its versions, after asking. */
export function DeleteConfig({ config }: { config: Config }) {
  const [asking, dialog] = useDisclosure(false);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => client.configs.delete(config.id),
    onSuccess: async () => {
      notifications.show({ title: "Config deleted", message: `${config.name} and its versions are gone.` });
      await navigate({ to: "/configs", ignoreBlocker: true });
      queries.removeQueries({ queryKey: configQuery(config.id).queryKey });
      void queries.invalidateQueries({ queryKey: ["configs"] });
    },
  });
  return (
    <>
      <ActionButton
        needs="write"
        variant="default"
        leftSection={<Trash2 size={16} aria-hidden />}
        onClick={dialog.open}
      >
        Delete
      </ActionButton>
      <Modal opened={asking} onClose={dialog.close} title={`Delete ${config.name}?`}>
        <Text size="sm" mb="md">
          All {config.version === 1 ? "of it" : `its ${config.version} versions`} will be gone. Runs that were started
          from it stay, with the text that they were started with.
          {config.source_type === "file" ? " Its file stays too, and is read again when the service is started." : ""}
        </Text>
        {remove.error === null ? null : <ErrorPanel error={remove.error} title="It was not deleted" />}
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={dialog.close} data-autofocus>
            Keep it
          </Button>
          <Button color="red" onClick={() => remove.mutate()} loading={remove.isPending}>
            Delete the config
          </Button>
        </Group>
      </Modal>
    </>
  );
}
