import { type Diagnostic, setDiagnostics } from "@codemirror/lint";
import type { Text } from "@codemirror/state";
import type { EditorView } from "@codemirror/view";
import type { Finding } from "@millrace/client";
import classes from "./explanation.module.css";
import { paragraph } from "./explanation.ts";

/** Marks findings on their lines, in place of those before. */
export function markFindings(view: EditorView, findings: readonly Finding[]): void {
  const { state } = view;
  view.dispatch(
    setDiagnostics(
      state,
      findings.map((finding) => toDiagnostic(finding, state.doc)),
    ),
  );
}

/** Goes to where a finding is, and gives the editor the focus. */
export function goToFinding(view: EditorView, { line, column }: Pick<Finding, "line" | "column">): void {
  const { from } = rangeOf(view.state.doc, line, column);
  view.dispatch({ selection: { anchor: from }, scrollIntoView: true });
  view.focus();
}

function toDiagnostic(finding: Finding, doc: Text): Diagnostic {
  const { severity, code, message, suggestion, line, column } = finding;
  return {
    ...rangeOf(doc, line, column),
    severity,
    source: code,
    message: suggestion === null ? message : `${message} ${suggestion}`,
    renderMessage: () => {
      const box = document.createElement("div");
      box.className = classes.explanation ?? "";
      box.append(paragraph(message));
      if (suggestion !== null) box.append(paragraph(suggestion));
      return box;
    },
  };
}

/** The word at a line and column, both from 1; the whole line where nothing stands there. */
function rangeOf(doc: Text, line: number, column: number): { from: number; to: number } {
  const at = doc.line(Math.min(Math.max(1, line), doc.lines));
  const rest = at.text.slice(column - 1);
  const word = /^(?:"[^"]*"?|'[^']*'?|[^\s,[\]{}:#]+|\S)/.exec(rest)?.[0] ?? "";
  if (word !== "") return { from: at.from + column - 1, to: at.from + column - 1 + word.length };
  const indent = at.text.length - at.text.trimStart().length;
  return { from: at.from + Math.min(indent, at.length), to: at.to };
}
