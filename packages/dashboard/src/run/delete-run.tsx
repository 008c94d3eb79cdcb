import { Button, Group, Modal, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { isTerminal } from "@millrace/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Trash2 } from "lucide-react";
import { client } from "../client.ts";
import { ActionButton } from "../session/action-button.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { useRun } from "./run-context.ts";

/** Deletes a run that is over, after asking, and leads back to the list. */
export function DeleteRun() {
  const run = useRun();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [asking, dialog] = useDisclosure(false);
  const name = run.tag ?? run.id;
  const remove = useMutation({
    mutationFn: () => client.executions.delete(run.id),
    onSuccess: async () => {
      notifications.show({ title: "Run deleted", message: `${name} is gone, with all that it kept.` });
      await navigate({ to: "/" });
      queries.removeQueries({ queryKey: ["run"] });
      void queries.invalidateQueries({ queryKey: ["runs"] });
    },
  });
  if (!isTerminal(run.status)) return null;
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
      <Modal opened={asking} onClose={dialog.close} title="Delete this run?">
        <Text size="sm" mb="md" style={{ overflowWrap: "anywhere" }}>
          {name} will be gone for ever: its events, its failed messages with their payloads, and the objects that it has
          stored. Its config stays, and so do runs that replay a part of it.
        </Text>
        {remove.error === null ? null : <ErrorPanel error={remove.error} title="It was not deleted" />}
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={dialog.close} data-autofocus>
            Keep it
          </Button>
          <Button color="red" onClick={() => remove.mutate()} loading={remove.isPending}>
            Delete the run
          </Button>
        </Group>
      </Modal>
    </>
  );
}
