import { Button, Group, Modal, Select, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { ApiKey, ApiKeyWithSecret } from "@millrace/client";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../client.ts";
import { ErrorPanel } from "../ui/error-panel.tsx";

const OVERLAPS = [
  { value: "0", label: "Not at all" },
  { value: "3600", label: "An hour" },
  { value: "86400", label: "A day" },
  { value: "604800", label: "A week" },
  { value: "2592000", label: "30 days" },
];

/** Makes a key that opens the same in place of another, which is good for a while more. */
export function RotateKey({ of: key, onRotated }: { of: ApiKey; onRotated: (made: ApiKeyWithSecret) => void }) {
  const [asking, dialog] = useDisclosure(false);
  const [overlap, setOverlap] = useState("86400");
  const rotate = useMutation({
    mutationFn: () => client.keys.rotate(key.id, { overlap_seconds: Number(overlap) }),
    onSuccess(made) {
      dialog.close();
      onRotated(made);
    },
  });
  return (
    <>
      <Button size="xs" variant="default" onClick={dialog.open} aria-label={`Rotate ${key.name}`}>
        Rotate
      </Button>
      <Modal opened={asking} onClose={dialog.close} title={`Rotate ${key.name}?`}>
        <Stack gap="sm">
          <Text size="sm">
            A new key is made that opens the same. Give it to whatever uses the old one while both are good.
          </Text>
          <Select
            label="How long the old one is good beside it"
            data={OVERLAPS}
            value={overlap}
            onChange={(value) => value !== null && setOverlap(value)}
            allowDeselect={false}
          />
          {rotate.error === null ? null : <ErrorPanel error={rotate.error} title="It was not rotated" />}
          <Group justify="flex-end">
            <Button variant="default" onClick={dialog.close}>
              Leave it
            </Button>
            <Button onClick={() => rotate.mutate()} loading={rotate.isPending}>
              Make the new key
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
