import { Alert, Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import type { ApiKeyWithSecret } from "@millrace/client";
import { Check, Copy, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { copyText } from "../ui/copy-text.ts";

/** A new key, this once. */
export function ShownKey({ made, onClose }: { made: ApiKeyWithSecret; onClose: () => void }) {
  const [copied, setCopied] = useState<boolean | null>(null);
  return (
    // Neither a click beside it, nor a key pressed in passing, must take away what nobody can show again.
    <Modal
      opened
      onClose={onClose}
      title={`The key ${made.name}`}
      closeOnClickOutside={false}
      closeOnEscape={false}
      size="lg"
    >
      <Stack gap="sm">
        <Alert color="orange" variant="outline" icon={<TriangleAlert aria-hidden />} title="It is shown this once">
          Copy it now, and keep it where secrets are kept: what the service stores of it does not lead back to it.
        </Alert>
        <TextInput
          label="API key"
          value={made.secret}
          readOnly
          spellCheck={false}
          onFocus={({ currentTarget }) => currentTarget.select()}
          data-autofocus
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
        />
        <Text size="sm" c="dimmed">
          It is sent as <span className="code">Authorization: Bearer mr_…</span>; the command line takes it from{" "}
          <span className="code">MILLRACE_API_KEY</span>.
        </Text>
        <Group justify="flex-end" gap="xs">
          <Text size="sm" flex={1} role="status">
            {copied === null ? "" : copied ? "Copied." : "The browser does not let this page copy: select it by hand."}
          </Text>
          <Button
            variant="default"
            leftSection={copied === true ? <Check size={16} aria-hidden /> : <Copy size={16} aria-hidden />}
            onClick={async () => setCopied(await copyText(made.secret))}
          >
            Copy
          </Button>
          <Button onClick={onClose}>I have it</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
