import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Repeat2 } from "lucide-react";
import { ReplayDialog } from "./replay-dialog.tsx";

/** Opens the dialog that does a part of the run again. */
export function ReplayButton() {
  const [open, dialog] = useDisclosure(false);
  return (
    <>
      <Button variant="default" leftSection={<Repeat2 size={16} aria-hidden />} onClick={dialog.open}>
        Replay
      </Button>
      {open ? <ReplayDialog onClose={dialog.close} /> : null}
    </>
  );
}
