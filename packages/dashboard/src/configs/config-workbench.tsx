import type { EditorView } from "@codemirror/view";
import { Alert, Button, Group, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { Config, JsonObject } from "@millrace/client";
import { Download, Play, Save } from "lucide-react";
import { useRef, useState } from "react";
import { goToFinding } from "../editor/findings.ts";
import { ActionButton } from "../session/action-button.tsx";
import { useMay } from "../session/use-session.ts";
import { StartRunDialog } from "../start-run/start-run-dialog.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { positionOf } from "../yaml/place.ts";
import classes from "./config-workbench.module.css";
import { ConflictDialog } from "./conflict-dialog.tsx";
import { downloadText } from "./download.ts";
import { FindingsList } from "./findings-list.tsx";
import { GraphPreview } from "./graph-preview.tsx";
import { UnsavedGuard } from "./unsaved-guard.tsx";
import { useFindings } from "./use-findings.ts";
import { useOutline } from "./use-outline.ts";
import { isConflict, useSaveConfig } from "./use-save-config.ts";
import { YamlEditor } from "./yaml-editor.tsx";

const NOTHING: readonly [] = [];

/** A pipeline's text, its findings and its graph, and what can be done with it. */
export function ConfigWorkbench({
  config,
  initialText,
  schema,
  onCreated,
}: {
  /** Null for one that is not stored yet. */
  config: Config | null;
  initialText: string;
  schema: JsonObject;
  /** Called when a new config was stored. */
  onCreated?: (config: Config) => void;
}) {
  const maySave = useMay("write");
  const [text, setText] = useState(() => withPlainLines(config?.config_yaml ?? initialText));
  const [base, setBase] = useState(config);
  const [running, run] = useDisclosure(false);
  const [resolving, conflict] = useDisclosure(false);
  const [selected, setSelected] = useState<string | null>(null);
  const view = useRef<EditorView>(null);
  const findings = useFindings(text);
  const issues = findings.report?.issues ?? NOTHING;
  const live = useOutline(text, schema);
  const isDirty = text !== withPlainLines(base?.config_yaml ?? initialText);
  const isNewer = config !== null && base !== null && config.version > base.version;

  // What somebody else stored is shown, unless there is work that it would take away.
  if (isNewer && (!isDirty || text === withPlainLines(config.config_yaml))) {
    setBase(config);
    setText(withPlainLines(config.config_yaml));
  }

  const save = useSaveConfig((saved) => {
    conflict.close();
    setBase(saved);
    if (base === null) onCreated?.(saved);
  });
  const store = (over: Config | null = base) => {
    if (!maySave || save.isPending || (!isDirty && base !== null)) return;
    save.mutate({ text, base: over }, { onError: (error) => (isConflict(error) ? conflict.open() : undefined) });
  };
  const name = live.outline?.name ?? base?.name ?? "pipeline";

  const select = (chosen: string | null) => {
    setSelected(chosen);
    const path = chosen === null ? null : pathOf(chosen, live.outline?.graph.routes ?? []);
    const position = path === null ? null : positionOf(text, path);
    if (position !== null) view.current?.dispatch({ selection: { anchor: position }, scrollIntoView: true });
  };

  return (
    <>
      <Group gap="xs" mb="sm">
        <ActionButton
          needs="write"
          leftSection={<Save size={16} aria-hidden />}
          onClick={() => store()}
          loading={save.isPending}
          disabled={!isDirty && base !== null}
        >
          {base === null ? "Create" : "Save"}
        </ActionButton>
        {base === null ? null : (
          <ActionButton needs="run" variant="default" leftSection={<Play size={16} aria-hidden />} onClick={run.open}>
            Run
          </ActionButton>
        )}
        <Button
          variant="default"
          leftSection={<Download size={16} aria-hidden />}
          onClick={() => downloadText(`${name.replaceAll(/[^\w.-]+/g, "-")}.yaml`, text)}
        >
          Download YAML
        </Button>
        <Text size="sm" className={classes.note}>
          {!isDirty ? "" : base === null ? "Not stored yet." : "Unsaved changes."}
          {isDirty && (findings.report?.error_count ?? 0) > 0
            ? " It may be saved with errors; it cannot be run then."
            : ""}
        </Text>
      </Group>
      {save.error === null || isConflict(save.error) ? null : (
        <div className={classes.alert}>
          <ErrorPanel error={save.error} title="It was not saved; your text is still here" />
        </div>
      )}
      {isNewer && isDirty ? (
        <Alert color="orange" variant="outline" title={`Version ${config.version} was saved meanwhile`} mb="sm">
          <Group gap="sm">
            <Text size="sm">Somebody else has saved this config while you were changing version {base.version}.</Text>
            <Button size="xs" variant="default" onClick={conflict.open}>
              Compare, and choose
            </Button>
          </Group>
        </Alert>
      ) : null}
      <div className={classes.bench}>
        <div className={classes.writing}>
          <YamlEditor
            value={text}
            onChange={setText}
            schema={schema}
            findings={findings.isCurrent ? issues : null}
            onSave={() => store()}
            onReady={(editor) => {
              view.current = editor;
            }}
          />
          <FindingsList
            findings={findings}
            onGoTo={(finding) => {
              if (view.current !== null) goToFinding(view.current, finding);
            }}
          />
        </div>
        <GraphPreview live={live} findings={issues} selected={selected} onSelect={select} />
      </div>
      <UnsavedGuard isDirty={isDirty} />
      {base === null ? null : (
        <>
          <StartRunDialog
            configId={base.id}
            opened={running}
            onClose={run.close}
            notice={isDirty ? `It runs version ${base.version}, as it was saved: without your unsaved changes.` : null}
          />
          <ConflictDialog
            base={base}
            text={text}
            opened={resolving}
            onClose={conflict.close}
            onOverwrite={store}
            onTake={(theirs) => {
              conflict.close();
              setBase(theirs);
              setText(withPlainLines(theirs.config_yaml));
            }}
          />
        </>
      )}
    </>
  );
}

/** As the editor has it: whatever ended its lines, a text that is not touched is not changed. */
function withPlainLines(text: string): string {
  return text.replaceAll(/\r\n?/g, "\n");
}

/** A selected part of the graph as a path in the document. */
function pathOf(
  selected: string,
  routes: readonly { readonly name: string; readonly adapters: readonly { readonly name: string }[] }[],
): (string | number)[] | null {
  const [name = "", ...adapter] = selected.split("/");
  const route = routes.find((each) => each.name === name);
  if (route === undefined) return null;
  if (adapter.length === 0) return ["routes", name];
  const index = route.adapters.findIndex((each) => each.name === adapter.join("/"));
  return index < 0 ? null : ["routes", name, "adapters", index];
}
