import { Button, Group, Modal, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { ApiKey } from "@millrace/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { client } from "../client.ts";
import { ErrorPanel } from "../ui/error-panel.tsx";

/** Revokes a key, after asking. */
export function RevokeKey({ of: key }: { of: ApiKey }) {
  const [asking, dialog] = useDisclosure(false);
  const queries = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => client.keys.revoke(key.id),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["keys"] });
      dialog.close();
    },
  });
  return (
    <>
      <Button size="xs" variant="default" onClick={dialog.open} aria-label={`Revoke ${key.name}`}>
        Revoke
      </Button>
      <Modal opened={asking} onClose={dialog.close} title={`Revoke ${key.name}?`}>
        <Text size="sm" mb="md">
          It opens nothing from then on: what uses it is refused, its streams end, and whoever is logged in with it is
          logged out. It cannot be taken back.
        </Text>
        {revoke.error === null ? null : <ErrorPanel error={revoke.error} title="It was not revoked" />}
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={dialog.close} data-autofocus>
            Keep it
          </Button>
          <Button color="red" onClick={() => revoke.mutate()} loading={revoke.isPending}>
            Revoke the key
          </Button>
        </Group>
      </Modal>
    </>
  );
}
