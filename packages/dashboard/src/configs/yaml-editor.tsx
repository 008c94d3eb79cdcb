import { lintGutter, lintKeymap } from "@codemirror/lint";
import { Prec } from "@codemirror/state";
import { type EditorView, keymap } from "@codemirror/view";
import { Kbd, Text } from "@mantine/core";
import type { Finding, JsonObject } from "@millrace/client";
import { useEffect, useEffectEvent, useId, useMemo, useState } from "react";
import { CodeEditor } from "../editor/code-editor.tsx";
import { markFindings } from "../editor/findings.ts";
import { pipelineLanguage } from "../editor/pipeline-language.ts";
import classes from "./yaml-editor.module.css";

const SAVE_KEY = /Mac|iPad|iPhone/.test(navigator.platform) ? "⌘ S" : "Ctrl S";

/** A pipeline's text, with completion, explanations, and findings on their lines. */
export function YamlEditor({
  value,
  onChange,
  schema,
  findings,
  onSave,
  onReady,
}: {
  value: string;
  onChange: (value: string) => void;
  schema: JsonObject;
  /** Null while those of the text as it is are not known: the marks of those before move with the text. */
  findings: readonly Finding[] | null;
  onSave: () => void;
  onReady: (view: EditorView) => void;
}) {
  const [view, setView] = useState<EditorView | null>(null);
  const hint = useId();
  const save = useEffectEvent(onSave);
  const saveKey = useMemo(
    () =>
      Prec.highest(
        keymap.of([
          {
            key: "Mod-s",
            preventDefault: true,
            run: () => {
              save();
              return true;
            },
          },
        ]),
      ),
    [],
  );
  const extensions = useMemo(
    () => [pipelineLanguage(schema), lintGutter(), keymap.of(lintKeymap), saveKey],
    [schema, saveKey],
  );

  useEffect(() => {
    if (view !== null && findings !== null) markFindings(view, findings);
  }, [view, findings]);

  return (
    <div className={classes.frame}>
      <div className={classes.editor}>
        <CodeEditor
          value={value}
          onChange={onChange}
          label="The pipeline's YAML"
          describedBy={hint}
          extensions={extensions}
          onReady={(editor) => {
            setView(editor);
            onReady(editor);
          }}
        />
      </div>
      <Text id={hint} size="xs" className={classes.hint}>
        <Kbd size="xs">Ctrl Space</Kbd> completes, <Kbd size="xs">F8</Kbd> goes to the next finding,{" "}
        <Kbd size="xs">{SAVE_KEY}</Kbd> saves, <Kbd size="xs">Esc</Kbd> and then <Kbd size="xs">Tab</Kbd> leaves the
        editor.
      </Text>
    </div>
  );
}
