import { json } from "@codemirror/lang-json";
import { CodeEditor } from "../editor/code-editor.tsx";

const EXTENSIONS = json();

/** An editor of JSON for a message's payload. */
export function PayloadEditor({
  value,
  onChange,
  describedBy,
}: {
  value: string;
  onChange: (value: string) => void;
  describedBy: string;
}) {
  return (
    <CodeEditor value={value} onChange={onChange} label="Payload" describedBy={describedBy} extensions={EXTENSIONS} />
  );
}
