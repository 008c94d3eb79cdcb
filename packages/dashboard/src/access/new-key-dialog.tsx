import { Button, Group, Modal, Radio, Select, Stack, TextInput } from "@mantine/core";
import { ApiError, type ApiKeyWithSecret, type Scope } from "@millrace/client";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../client.ts";
import { sessionQuery } from "../session/session-query.ts";
import { SCOPES } from "../session/use-session.ts";
import { ErrorPanel } from "../ui/error-panel.tsx";

const MEANINGS: Readonly<Record<Scope, string>> = {
  read: "Look at everything, streams included",
  run: "And start, cancel, retry and replay runs",
  write: "And change configs, triggers and webhooks, and delete",
  admin: "And make keys, and read the audit log",
};

const LIFETIMES = [
  { value: "", label: "Never" },
  { value: "1", label: "In a day" },
  { value: "7", label: "In a week" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
];

/** Makes an API key. */
export function NewKeyDialog({ onMade, onClose }: { onMade: (made: ApiKeyWithSecret) => void; onClose: () => void }) {
  const { data: session } = useQuery(sessionQuery);
  const own = session?.who?.project ?? null;
  const [name, setName] = useState("");
  const [scope, setScope] = useState<Scope>("read");
  const [project, setProject] = useState("");
  const [days, setDays] = useState("90");
  const make = useMutation({
    mutationFn: () =>
      client.keys.create({
        name: name.trim(),
        scopes: [scope],
        ...(project === "" ? {} : { project }),
        ...(days === "" ? {} : { expires_in_days: Number(days) }),
      }),
    onSuccess: onMade,
  });
  const wrong = (field: string) =>
    make.error instanceof ApiError
      ? (make.error.validationErrors.find(({ loc }) => loc.at(1) === field)?.msg ?? null)
      : null;
  const isTold = wrong("name") !== null || wrong("project") !== null;
  return (
    <Modal opened onClose={onClose} title="New API key">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() !== "") make.mutate();
        }}
      >
        <Stack gap="sm">
          <TextInput
            label="Name"
            description="Who or what it is for"
            value={name}
            onChange={({ currentTarget }) => setName(currentTarget.value)}
            error={wrong("name")}
            maxLength={256}
            data-autofocus
          />
          <Radio.Group label="What it may do" value={scope} onChange={(value) => setScope(scopeOf(value))}>
            <Stack gap={6} mt={6}>
              {SCOPES.map((each) => (
                <Radio key={each} value={each} label={each} description={MEANINGS[each]} />
              ))}
            </Stack>
          </Radio.Group>
          <TextInput
            label="Project"
            description={own === null ? "The one project that it opens; empty: all of them" : "The one that you see"}
            placeholder={own ?? "all"}
            value={own ?? project}
            disabled={own !== null}
            onChange={({ currentTarget }) => setProject(currentTarget.value.trim())}
            error={wrong("project") === null ? null : "1 to 63 lower-case letters, digits and inner dashes"}
          />
          <Select
            label="It expires"
            data={LIFETIMES}
            value={days}
            onChange={(value) => value !== null && setDays(value)}
            allowDeselect={false}
          />
          {make.error === null || isTold ? null : <ErrorPanel error={make.error} title="No key was made" />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={make.isPending} disabled={name.trim() === ""}>
              Make the key
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function scopeOf(value: string): Scope {
  return SCOPES.find((scope) => scope === value) ?? "read";
}
