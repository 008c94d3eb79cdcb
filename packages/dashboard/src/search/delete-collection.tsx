import { Button, Group, Modal, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import { client } from "../client.ts";
import { ActionButton } from "../session/action-button.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";

/** Deletes a collection, once more asked. */
export function DeleteCollection({ name, onDeleted }: { name: string; onDeleted: () => void }) {
  const [open, dialog] = useDisclosure(false);
  const queries = useQueryClient();
  const { mutate, error, isPending } = useMutation({
    mutationFn: () => client.search.deleteCollection(name),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["collections"] });
      dialog.close();
      onDeleted();
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
        Delete collection
      </ActionButton>
      <Modal opened={open} onClose={dialog.close} title={`Delete the collection "${name}"?`}>
        <Text size="sm" mb="md">
          Its documents are not found any more. Runs and their objects stay; a run that puts documents there makes the
          collection anew.
        </Text>
        {error === null ? null : <ErrorPanel error={error} title="It cannot be deleted" />}
        <Group justify="flex-end" gap="xs" mt="md">
          <Button variant="default" onClick={dialog.close}>
            Keep it
          </Button>
          <Button color="red" onClick={() => mutate()} loading={isPending}>
            Delete
          </Button>
        </Group>
      </Modal>
    </>
  );
}
