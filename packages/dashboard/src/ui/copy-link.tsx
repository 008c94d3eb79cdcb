import { ActionIcon, CopyButton, Tooltip } from "@mantine/core";
import { Check, Link2 } from "lucide-react";

/** Copies the address of what is shown, to be sent to a colleague. */
export function CopyLink({ label = "Copy a link to this" }: { label?: string }) {
  return (
    <CopyButton value={window.location.href} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? "Copied" : label}>
          <ActionIcon variant="default" size="lg" onClick={copy} aria-label={label}>
            {copied ? <Check size={16} aria-hidden /> : <Link2 size={16} aria-hidden />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}
