import {
  autocompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
  startCompletion,
} from "@codemirror/autocomplete";
import { yaml } from "@codemirror/lang-yaml";
import type { Extension } from "@codemirror/state";
import { type EditorView, hoverTooltip } from "@codemirror/view";
import type { JsonObject } from "@millrace/client";
import { explainAt } from "../yaml/explain-at.ts";
import { type Suggestion, suggestionsAt } from "../yaml/suggestions.ts";
import { explanation } from "./explanation.ts";

/** YAML of a pipeline: completion and explanations from its JSON Schema. */
export function pipelineLanguage(schema: JsonObject): Extension {
  return [
    yaml(),
    autocompletion({ override: [(context) => complete(context, schema)], icons: false, activateOnTypingDelay: 60 }),
    hoverTooltip((view, position) => {
      const found = explainAt(view.state.doc.toString(), position, schema);
      if (found === null) return null;
      return { pos: found.from, end: found.to, above: true, create: () => ({ dom: explanation(found, true) }) };
    }),
  ];
}

function complete(context: CompletionContext, schema: JsonObject): CompletionResult | null {
  const found = suggestionsAt(context.state.doc.toString(), context.pos, schema);
  // As one types: with the first letter of a word, or where a value belongs.
  if (found === null || (!context.explicit && found.from === context.pos && !wantsValue(context))) return null;
  return {
    from: found.from,
    // What was typed before the cursor is what is looked for; the rest of the word is replaced with it.
    options: found.suggestions.map((suggestion, index) => toCompletion(suggestion, index, found.to - context.pos)),
    validFor: /^[\w./-]*$/,
  };
}

/** Behind `key: `, or at the beginning of a list's item. */
function wantsValue(context: CompletionContext): boolean {
  return context.matchBefore(/(?::|-|\[|,) $|\[$/) !== null;
}

function toCompletion(suggestion: Suggestion, index: number, rest: number): Completion {
  const { label, insert, detail, description, facts, leadsOn } = suggestion;
  return {
    label,
    ...(detail === "" ? {} : { detail }),
    // The order of the schema, the required first, where the words match alike.
    boost: -index / 10,
    info: () => explanation({ title: label, description, facts }),
    apply: (view: EditorView, _completion, from, to) => {
      view.dispatch({
        changes: { from, to: to + rest, insert },
        selection: { anchor: from + insert.length },
        userEvent: "input.complete",
        scrollIntoView: true,
      });
      if (leadsOn) startCompletion(view);
    },
  };
}
