import { Button, Group, Modal, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { isTerminal } from "@millrace/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleStop } from "lucide-react";
import { client } from "../client.ts";
import { ActionButton } from "../session/action-button.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { useRun } from "./run-context.ts";

/** Cancels a run that is not over, after asking. */
export function CancelRun() {
  const run = useRun();
  const queries = useQueryClient();
  const [asking, dialog] = useDisclosure(false);
  const cancel = useMutation({
    mutationFn: () => client.executions.cancel(run.id),
    onSuccess: ({ message }) => {
      dialog.close();
      notifications.show({ title: "Run cancelled", message });
      void queries.invalidateQueries({ queryKey: ["run"] });
    },
  });
  if (isTerminal(run.status)) return null;
  return (
    <>
      <ActionButton
        needs="run"
        variant="default"
        leftSection={<CircleStop size={16} aria-hidden />}
        onClick={dialog.open}
      >
        Cancel run
      </ActionButton>
      <Modal opened={asking} onClose={dialog.close} title="Cancel this run?">
        <Text size="sm" mb="md">
          Messages in flight are given up, those in queues are not taken any more. What is done stays done; a cancelled
          run does not go on.
        </Text>
        {cancel.error === null ? null : <ErrorPanel error={cancel.error} title="It was not cancelled" />}
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={dialog.close} data-autofocus>
            Keep it running
          </Button>
          <Button color="red" onClick={() => cancel.mutate()} loading={cancel.isPending}>
            Cancel the run
          </Button>
        </Group>
      </Modal>
    </>
  );
}
