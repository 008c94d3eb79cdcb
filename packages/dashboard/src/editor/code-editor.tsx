import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, foldGutter, indentOnInput, indentUnit } from "@codemirror/language";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { useEffect, useEffectEvent, useRef } from "react";
import classes from "./code-editor.module.css";
import { theme } from "./theme.ts";

/** What an editor edits. */
export interface CodeEditorProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** What the editor is read out as. */
  readonly label: string;
  /** The id of what says more about it, to be read out after the label. */
  readonly describedBy?: string;
  /** The language and what comes with it; the same object as long as nothing is to change. */
  readonly extensions: Extension;
  /** Given the editor when it is there. */
  readonly onReady?: (view: EditorView) => void;
}

/** A text editor for code, as tall as its parent. Tab indents; Escape and then Tab leaves it. */
export function CodeEditor({ value, onChange, label, describedBy, extensions, onReady }: CodeEditorProps) {
  const parent = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const more = useRef(new Compartment());
  const changed = useEffectEvent((text: string) => onChange(text));
  const ready = useEffectEvent((editor: EditorView) => onReady?.(editor));
  const initial = useEffectEvent(() => ({ value, label, describedBy, extensions }));

  useEffect(() => {
    if (parent.current === null) return;
    const first = initial();
    const editor = new EditorView({
      parent: parent.current,
      state: EditorState.create({
        doc: first.value,
        extensions: [
          more.current.of(first.extensions),
          lineNumbers(),
          foldGutter(),
          history(),
          drawSelection(),
          indentOnInput(),
          indentUnit.of("  "),
          bracketMatching(),
          closeBrackets(),
          highlightActiveLine(),
          highlightActiveLineGutter(),
          highlightSelectionMatches(),
          keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, indentWithTab]),
          EditorView.contentAttributes.of({
            "aria-label": first.label,
            tabindex: "0",
            ...(first.describedBy === undefined ? {} : { "aria-describedby": first.describedBy }),
          }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed(update.state.doc.toString());
          }),
          theme,
        ],
      }),
    });
    view.current = editor;
    ready(editor);
    return () => {
      editor.destroy();
      view.current = null;
    };
  }, []);

  useEffect(() => {
    view.current?.dispatch({ effects: more.current.reconfigure(extensions) });
  }, [extensions]);

  useEffect(() => {
    const editor = view.current;
    if (editor === null || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  return <div ref={parent} className={classes.editor} />;
}
