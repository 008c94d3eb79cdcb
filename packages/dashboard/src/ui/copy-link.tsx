import { ActionIcon, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Check, Link2 } from "lucide-react";
import { useEffect, useState } from "react";
import { copyText } from "./copy-text.ts";

/** How long it says that it has copied, in milliseconds. */
const SAID_MS = 1_500;

/** Copies the address of what is shown, to be sent to a colleague. */
export function CopyLink({ label = "Copy a link to this" }: { label?: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), SAID_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    // Views change the address while this button stays.
    const address = window.location.href;
    if (await copyText(address)) setCopied(true);
    else notifications.show({ title: "The browser does not let this page copy", message: address, autoClose: false });
  };
  return (
    <Tooltip label={copied ? "Copied" : label}>
      <ActionIcon variant="default" size="lg" onClick={copy} aria-label={copied ? "Copied" : label}>
        {copied ? <Check size={16} aria-hidden /> : <Link2 size={16} aria-hidden />}
      </ActionIcon>
    </Tooltip>
  );
}
