import { Button, Group, JsonInput, Modal, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { ApiError, isTerminal, type JsonObject, type RetryFailuresBody } from "@millrace/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { client } from "../../client.ts";
import { readJsonObject } from "../../format/json.ts";
import { formatCount } from "../../format/number.ts";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { useRun } from "../run-context.ts";

/** Retries failed messages: says where they will go on, and leads there. */
export function RetryDialog({
  which,
  count,
  payload,
  onClose,
}: {
  which: RetryFailuresBody;
  count: number;
  /** Of the one message; null where there are several. */
  payload: JsonObject | null;
  onClose: () => void;
}) {
  const run = useRun();
  const over = isTerminal(run.status);
  const navigate = useNavigate();
  const queries = useQueryClient();
  const before = payload === null ? "" : JSON.stringify(payload, null, 2);
  const [text, setText] = useState(before);
  const [merge, setMerge] = useState("");
  const [tag, setTag] = useState("");
  const changed = payload === null ? readJsonObject(merge, { empty: true }) : readJsonObject(text);
  const retry = useMutation({
    mutationFn: () =>
      client.executions.retry(run.id, {
        ...which,
        ...(over && tag !== "" ? { tag } : {}),
        ...(changed.value === null || text + merge === before
          ? {}
          : payload === null
            ? { payload_merge: changed.value }
            : { payload: changed.value }),
      }),
    onSuccess(result) {
      onClose();
      void queries.invalidateQueries({ queryKey: ["failures"] });
      void queries.invalidateQueries({ queryKey: ["runs"] });
      const what = `${formatCount(result.retried)} ${result.retried === 1 ? "message is" : "messages are"} retried`;
      const more = result.remaining > 0 ? ` ${formatCount(result.remaining)} more fit: retry again for those.` : "";
      if (result.execution === null) notifications.show({ message: "There was nothing left to retry." });
      else if (result.started) {
        notifications.show({ title: "Retried in a new run", message: `${what} here.${more}` });
        void navigate({ to: "/runs/$id", params: { id: result.execution.tag ?? result.execution.id } });
      } else notifications.show({ title: "Retried in this run", message: `${what}.${more}` });
    },
  });
  const tagError = retry.error instanceof ApiError && retry.error.code === "TAG_TAKEN" ? retry.error.message : null;
  return (
    <Modal opened onClose={onClose} title={count === 1 ? "Retry this message" : `Retry ${formatCount(count)} messages`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (changed.error === null) retry.mutate();
        }}
      >
        <Stack gap="sm">
          <Text size="sm">
            {over
              ? "This run is over and stays as it is. The messages go on in a new run, in the routes that they failed in."
              : "The messages go back into their queues, and go on in this run."}
          </Text>
          {payload === null ? (
            <JsonInput
              label="Changes to each payload"
              description="A JSON object, merged into each, key by key; empty: as they are"
              placeholder='{ "key": "value" }'
              value={merge}
              onChange={setMerge}
              error={changed.error}
              autosize
              minRows={2}
              maxRows={10}
            />
          ) : (
            <JsonInput
              label="Payload"
              value={text}
              onChange={setText}
              error={changed.error}
              autosize
              minRows={4}
              maxRows={16}
            />
          )}
          {over ? (
            <TextInput
              label="Tag of the new run"
              description="A name for it; may be left empty"
              value={tag}
              onChange={({ currentTarget }) => setTag(currentTarget.value.trim())}
              error={tagError}
            />
          ) : null}
          {retry.error === null || tagError !== null ? null : (
            <ErrorPanel error={retry.error} title="Nothing was retried" />
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={retry.isPending} disabled={changed.error !== null}>
              Retry
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
