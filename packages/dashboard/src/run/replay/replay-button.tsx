import { useDisclosure } from "@mantine/hooks";
import { Repeat2 } from "lucide-react";
import { ActionButton } from "../../session/action-button.tsx";
import { ReplayDialog } from "./replay-dialog.tsx";

/** Opens the dialog that does a part of the run again. */
export function ReplayButton() {
  const [open, dialog] = useDisclosure(false);
  return (
    <>
      <ActionButton needs="run" variant="default" leftSection={<Repeat2 size={16} aria-hidden />} onClick={dialog.open}>
        Replay
      </ActionButton>
      {open ? <ReplayDialog onClose={dialog.close} /> : null}
    </>
  );
}
