import { yaml } from "@codemirror/lang-yaml";
import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useMediaQuery } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import { theme } from "../editor/theme.ts";
import classes from "./diff-view.module.css";

/** A text, and what it is called. */
export interface DiffSide {
  readonly label: string;
  readonly text: string;
}

/** Two texts, and what is different: side by side, or in one column where there is no room for two. */
export function DiffView({ from, to }: { from: DiffSide; to: DiffSide }) {
  const parent = useRef<HTMLDivElement>(null);
  const isNarrow = useMediaQuery("(max-width: 760px)", undefined, { getInitialValueInEffect: false });
  useEffect(() => {
    if (parent.current === null) return;
    const collapse = { margin: 4, minSize: 6 };
    if (isNarrow) {
      const view = new EditorView({
        parent: parent.current,
        doc: to.text,
        extensions: [
          ...reading(`What changed from ${from.label} to ${to.label}`),
          unifiedMergeView({ original: from.text, mergeControls: false, collapseUnchanged: collapse }),
        ],
      });
      return () => view.destroy();
    }
    const view = new MergeView({
      parent: parent.current,
      a: { doc: from.text, extensions: reading(from.label) },
      b: { doc: to.text, extensions: reading(to.label) },
      collapseUnchanged: collapse,
      highlightChanges: true,
      gutter: true,
    });
    return () => view.destroy();
  }, [from.label, from.text, to.label, to.text, isNarrow]);
  return <div ref={parent} className={classes.diff} />;
}

function reading(label: string): Extension[] {
  return [
    yaml(),
    lineNumbers(),
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
    theme,
  ];
}
