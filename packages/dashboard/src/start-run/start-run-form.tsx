import { Alert, Button, Group, Input, Stack, Text, TextInput } from "@mantine/core";
import { ApiError, type Config, type ValidationReport } from "@millrace/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useId, useMemo, useRef, useState } from "react";
import { client } from "../client.ts";
import { sayProblem } from "../format/json.ts";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { readOutline } from "../yaml/outline.ts";
import { changedFields, readPayload, removedFields } from "./payload.ts";
import { PayloadEditor } from "./payload-editor.tsx";
import classes from "./start-run-form.module.css";

/** The payload and the tag of a run, and what is wrong with them. */
export function StartRunForm({
  config,
  notice,
  onClose,
}: {
  config: Config;
  notice: string | null;
  onClose: () => void;
}) {
  const before = useMemo(() => readOutline(config.config_yaml, {})?.initPayload ?? null, [config.config_yaml]);
  const [text, setText] = useState(() => (before === null ? "" : JSON.stringify(before, null, 2)));
  const [tag, setTag] = useState("");
  const hint = useId();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const newKey = useKeyOf(`${text}\n${tag}`);
  const typed = readPayload(text);
  const problem = "problem" in typed ? typed : null;
  const removed = "payload" in typed ? removedFields(typed.payload, before ?? {}) : [];

  const start = useMutation({
    mutationFn: () =>
      client.configs.run(config.id, {
        payload: "payload" in typed ? changedFields(typed.payload, before ?? {}) : {},
        ...(tag.trim() === "" ? {} : { tag: tag.trim() }),
        idempotency_key: newKey,
      }),
    onSuccess: async (run) => {
      void queries.invalidateQueries({ queryKey: ["runs"] });
      onClose();
      await navigate({ to: "/runs/$id", params: { id: run.tag ?? run.id } });
    },
  });
  const { error } = start;
  const atTag = tagProblem(error);

  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (problem === null && !start.isPending) start.mutate();
      }}
    >
      <Stack gap="md">
        {notice === null ? null : (
          <Alert color="orange" variant="outline">
            {notice}
          </Alert>
        )}
        {before === null ? (
          <Text size="sm">
            This pipeline has no <code>init_message</code>: a run of it has nothing to do, and completes at once.
          </Text>
        ) : (
          <Input.Wrapper
            label="Payload of the first message"
            labelElement="div"
            description="As the config has it. Fields that you change or add replace those of the config, for this run only."
            descriptionProps={{ id: hint }}
            error={problem === null ? undefined : sayProblem(problem)}
            errorProps={{ role: "alert" }}
          >
            <div className={classes.editor}>
              <PayloadEditor value={text} onChange={setText} describedBy={hint} />
            </div>
            {removed.length === 0 ? null : (
              <Text size="xs" mt={4} role="status">
                {removed.join(", ")}: stays as the config has it. A run can replace fields, and not take them away.
              </Text>
            )}
          </Input.Wrapper>
        )}
        <TextInput
          label="Tag"
          description="Optional: a name for this run, which no other has. Letters, digits and . _ : -"
          value={tag}
          onChange={({ currentTarget }) => {
            setTag(currentTarget.value);
            if (atTag !== null) start.reset();
          }}
          error={atTag}
          errorProps={{ role: "alert" }}
          autoComplete="off"
          spellCheck={false}
        />
        <Refusal error={atTag === null ? error : null} config={config} onClose={onClose} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Not now
          </Button>
          <Button type="submit" loading={start.isPending} disabled={problem !== null}>
            Start the run
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Why a run was not started, and what can be done about it. */
function Refusal({ error, config, onClose }: { error: Error | null; config: Config; onClose: () => void }) {
  if (error === null) return null;
  const code = error instanceof ApiError ? error.code : null;
  if (code !== "CONFIG_INVALID" || !(error instanceof ApiError))
    return (
      <ErrorPanel
        error={error}
        title={code === "TOO_MANY_EXECUTIONS" ? "Too many runs at once" : "The run was not started"}
      />
    );
  const issues = reportOf(error)?.issues.filter(({ severity }) => severity === "error") ?? [];
  return (
    <Alert color="red" variant="outline" title="This config cannot be run">
      <ul className={classes.findings}>
        {issues.slice(0, 5).map(({ code: finding, line, column, message }) => (
          <li key={`${finding} ${line} ${column} ${message}`}>
            Line {line}, column {column}: {message}
          </li>
        ))}
        {issues.length > 5 ? <li>and {issues.length - 5} more</li> : null}
      </ul>
      <Link to="/configs/$id" params={{ id: config.id }} onClick={onClose}>
        Mend it in the editor
      </Link>
    </Alert>
  );
}

function reportOf({ body }: ApiError): ValidationReport | null {
  if (typeof body !== "object" || body === null || !("validation_report" in body)) return null;
  // What the service's own schema says of the body of this error.
  return body.validation_report as ValidationReport;
}

/** What the service says of the tag; null where it says nothing of it. */
function tagProblem(error: Error | null): string | null {
  if (!(error instanceof ApiError)) return null;
  if (error.code === "TAG_TAKEN") return error.message;
  const wrong = error.validationErrors.find(({ loc }) => loc.includes("tag"));
  return wrong === undefined
    ? null
    : "A tag begins with a letter or a digit, and has letters, digits and . _ : - up to 128 in all.";
}

/** A key that is the same as long as the same is asked for: an answer that was lost is no second run. */
function useKeyOf(asked: string): string {
  const kept = useRef({ asked: "", key: "" });
  if (kept.current.asked !== asked || kept.current.key === "") {
    // randomUUID is not there on plain HTTP.
    const random = crypto.getRandomValues(new Uint8Array(16));
    kept.current = {
      asked,
      key: `dashboard-${[...random].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`,
    };
  }
  return kept.current.key;
}
