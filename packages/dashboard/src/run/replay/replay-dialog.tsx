import { Autocomplete, Button, Group, JsonInput, Modal, Select, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { ApiError, type Execution, type JsonObject, type ReplayBody } from "@millrace/client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { client } from "../../client.ts";
import { readJsonObjects } from "../../format/json.ts";
import { formatCount } from "../../format/number.ts";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { useRun } from "../run-context.ts";
import { EVERYTHING, type LineageChoice, LineageFields } from "./lineage-choice.tsx";
import { useStages } from "./use-stages.ts";

const SOURCES = [
  { value: "lineage", label: "Messages that went into a route, as they were" },
  { value: "storage", label: "Objects that a stage has stored" },
  { value: "manual", label: "Payloads that are typed here" },
];

/** Does a part of a run again, in a new run, and leads there. */
export function ReplayDialog({ onClose }: { onClose: () => void }) {
  const run = useRun();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [source, setSource] = useState("lineage");
  const [from, setFrom] = useState<string | null>(null);
  const [stage, setStage] = useState("");
  const [choice, setChoice] = useState(EVERYTHING);
  const [to, setTo] = useState<string | null>(null);
  const [text, setText] = useState("[{}]");
  const [tag, setTag] = useState("");
  const { data: routes } = useQuery({
    queryKey: ["routes", run.id],
    queryFn: () => client.executions.routes(run.id),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const stages = useStages(run.id, source === "storage");
  const payloads = readJsonObjects(text);
  const target = to ?? (source === "lineage" ? from : null);
  const replay = useMutation({
    mutationFn: (body: ReplayBody) => client.executions.replay(run.id, body),
    onSuccess(made) {
      onClose();
      void queries.invalidateQueries({ queryKey: ["runs"] });
      notifications.show({ title: "Replayed", message: `The new run is shown here.${leftOut(made)}` });
      void navigate({ to: "/runs/$id", params: { id: made.tag ?? made.id } });
    },
  });
  const body = toBody({ source, from, choice, stage: stage.trim(), to: target, payloads: payloads.value, tag });
  const tagError = replay.error instanceof ApiError && replay.error.code === "TAG_TAKEN" ? replay.error.message : null;
  const missing = replay.error instanceof ApiError && replay.error.code === "PAYLOADS_MISSING";
  const data = (routes?.routes ?? []).map(({ route, name }) => ({
    value: route,
    label: name === null || name === route ? route : `${route}: ${name}`,
  }));
  return (
    <Modal opened onClose={onClose} title="Replay a part of this run" size="lg">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (body !== null) replay.mutate(body);
        }}
      >
        <Stack gap="sm">
          <Text size="sm">
            The part is done again in a new run, by the pipeline as it was frozen with this one. This run stays as it
            is.
          </Text>
          <Select
            label="What is done again"
            data={SOURCES}
            value={source}
            onChange={(value) => value !== null && setSource(value)}
            allowDeselect={false}
          />
          {source === "lineage" ? (
            <>
              <Select
                label="Messages that went into"
                data={data}
                value={from}
                onChange={setFrom}
                placeholder="A route"
                searchable
                nothingFoundMessage="There is no such route."
              />
              <LineageFields value={choice} onChange={setChoice} missing={missing} />
            </>
          ) : null}
          {source === "storage" ? (
            <Autocomplete
              label="Stage"
              description={
                stages?.length === 0
                  ? "This run has stored nothing in a stage yet."
                  : "As route/stage, or stage: where store_write has put the objects"
              }
              data={stages ?? []}
              value={stage}
              onChange={setStage}
            />
          ) : null}
          {source === "manual" ? (
            <JsonInput
              label="Payloads"
              description="An array of JSON objects: one message each"
              value={text}
              onChange={setText}
              error={payloads.error}
              autosize
              minRows={4}
              maxRows={16}
            />
          ) : null}
          <Select
            label="Into the route"
            data={data}
            value={target}
            onChange={setTo}
            placeholder="A route"
            searchable
            nothingFoundMessage="There is no such route."
          />
          <TextInput
            label="Tag of the new run"
            description="A name for it; may be left empty"
            value={tag}
            onChange={({ currentTarget }) => setTag(currentTarget.value.trim())}
            error={tagError}
          />
          {replay.error === null || tagError !== null ? null : (
            <ErrorPanel error={replay.error} title="Nothing was started" />
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={replay.isPending} disabled={body === null}>
              Replay
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** Null while something is lacking. */
function toBody(form: {
  source: string;
  from: string | null;
  choice: LineageChoice;
  stage: string;
  to: string | null;
  payloads: JsonObject[] | null;
  tag: string;
}): ReplayBody | null {
  if (form.to === null) return null;
  const common = { to_route: form.to, ...(form.tag === "" ? {} : { tag: form.tag }) };
  if (form.source === "lineage")
    return form.from === null
      ? null
      : { replay_source: "lineage", from_stage: form.from, ...toLineage(form.choice), ...common };
  if (form.source === "storage")
    return form.stage === "" ? null : { replay_source: "storage", from_stage: form.stage, ...common };
  return form.payloads === null ? null : { replay_source: "manual", payloads: form.payloads, ...common };
}

function toLineage({ status, limit, offset, skipMissing }: LineageChoice) {
  return {
    ...(status === "all" ? {} : { message_status: [status] }),
    ...(limit === "" ? {} : { limit }),
    ...(offset === "" ? {} : { offset }),
    ...(skipMissing ? { skip_missing: true } : {}),
  };
}

/** What of the chosen messages is not in the new run, as its metadata tells it. */
function leftOut({ metadata }: Execution): string {
  const told = metadata?.replay;
  if (typeof told !== "object" || told === null || Array.isArray(told)) return "";
  const { not_kept: lost, remaining } = told;
  return [
    typeof lost === "number" && lost > 0 ? ` Left out, as their payloads are not kept: ${formatCount(lost)}.` : "",
    typeof remaining === "number" && remaining > 0
      ? ` ${formatCount(remaining)} more ${remaining === 1 ? "is" : "are"} left for another replay.`
      : "",
  ].join("");
}
