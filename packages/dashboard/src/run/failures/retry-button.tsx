import type { ButtonProps } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { JsonObject, RetryFailuresBody } from "@millrace/client";
import { RotateCcw } from "lucide-react";
import { ActionButton } from "../../session/action-button.tsx";
import { RetryDialog } from "./retry-dialog.tsx";

/** Opens the dialog that retries failed messages. With `payload`, that of the one message, it can be changed. */
export function RetryButton({
  which,
  count,
  label,
  payload,
  variant = "filled",
}: {
  which: RetryFailuresBody;
  count: number;
  label: string;
  payload?: JsonObject;
  variant?: NonNullable<ButtonProps["variant"]>;
}) {
  const [open, dialog] = useDisclosure(false);
  return (
    <>
      <ActionButton
        needs="run"
        size="xs"
        variant={variant}
        leftSection={<RotateCcw size={14} aria-hidden />}
        onClick={dialog.open}
      >
        {label}
      </ActionButton>
      {open ? <RetryDialog which={which} count={count} payload={payload ?? null} onClose={dialog.close} /> : null}
    </>
  );
}
