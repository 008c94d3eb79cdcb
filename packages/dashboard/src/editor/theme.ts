import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

/** Light and dark in one: the colours are those of the page, which knows which it is. */
const surface = EditorView.theme({
  "&": {
    color: "var(--mantine-color-text)",
    backgroundColor: "light-dark(#fff, var(--mantine-color-dark-7))",
    fontSize: "13px",
    height: "100%",
  },
  // The frame around it shows the focus.
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mantine-font-family-monospace)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--mantine-color-text)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--mantine-color-text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "light-dark(#cfe6ec, #1d4450)",
  },
  ".cm-gutters": {
    color: "var(--mantine-color-dimmed)",
    backgroundColor: "light-dark(var(--mantine-color-gray-0), var(--mantine-color-dark-8))",
    border: "none",
  },
  ".cm-activeLine": { backgroundColor: "light-dark(rgb(15 115 136 / 5%), rgb(120 200 215 / 5%))" },
  ".cm-activeLineGutter": { color: "var(--mantine-color-text)", backgroundColor: "transparent" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": {
    backgroundColor: "light-dark(#d3ebf0, #1d4450)",
    outline: "1px solid light-dark(#7bc0ce, #3ea1b6)",
  },
  ".cm-foldPlaceholder": { color: "inherit", backgroundColor: "transparent", border: "1px dashed currentColor" },
  ".cm-tooltip": {
    color: "var(--mantine-color-text)",
    backgroundColor: "light-dark(#fff, var(--mantine-color-dark-6))",
    border: "1px solid light-dark(var(--mantine-color-gray-4), var(--mantine-color-dark-3))",
    borderRadius: "var(--mantine-radius-sm)",
    boxShadow: "var(--mantine-shadow-md)",
    maxWidth: "min(420px, 90vw)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mantine-font-family-monospace)", maxHeight: "14em" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { color: "#fff", backgroundColor: "#0f7388" },
  ".cm-tooltip-autocomplete > ul > li": { padding: "2px 8px" },
  ".cm-completionDetail": { fontStyle: "normal", fontFamily: "var(--mantine-font-family)", opacity: "0.85" },
  ".cm-tooltip.cm-completionInfo": { padding: "8px 10px" },
  ".cm-diagnostic": { padding: "6px 10px", fontFamily: "var(--mantine-font-family)" },
  ".cm-diagnostic-error": {
    borderLeft: "4px solid light-dark(var(--mantine-color-red-8), var(--mantine-color-red-5))",
  },
  ".cm-diagnostic-warning": {
    borderLeft: "4px solid light-dark(var(--mantine-color-orange-8), var(--mantine-color-orange-5))",
  },
  ".cm-panels": {
    color: "var(--mantine-color-text)",
    backgroundColor: "light-dark(var(--mantine-color-gray-1), var(--mantine-color-dark-6))",
  },
  ".cm-textfield, .cm-button": {
    color: "inherit",
    backgroundColor: "light-dark(#fff, var(--mantine-color-dark-8))",
    backgroundImage: "none",
    border: "1px solid light-dark(var(--mantine-color-gray-5), var(--mantine-color-dark-3))",
  },
  ".cm-searchMatch": { backgroundColor: "light-dark(#ffe8a3, #5b4a10)" },
  ".cm-changedText": { background: "light-dark(#b9e6c3, #1e5a31) !important" },
  ".cm-deletedChunk .cm-deletedText, &.cm-merge-a .cm-changedText": {
    background: "light-dark(#f9c9c9, #6b2525) !important",
  },
  ".cm-deletedChunk": { backgroundColor: "light-dark(#fdeeee, #3a1c1c)" },
  ".cm-collapsedLines": {
    color: "var(--mantine-color-text)",
    background: "light-dark(var(--mantine-color-gray-1), var(--mantine-color-dark-6))",
  },
});

/** Names and values; each keeps 4.5:1 on its ground. */
const colours = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: "light-dark(#00586b, #7bc0ce)" },
  { tag: [tags.string, tags.special(tags.string), tags.attributeValue], color: "light-dark(#2b6a26, #a3d39c)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "light-dark(#8a3b00, #f0b27a)" },
  { tag: [tags.comment, tags.lineComment], color: "light-dark(#5c6672, #98a1ab)", fontStyle: "italic" },
  { tag: [tags.keyword, tags.typeName, tags.labelName], color: "light-dark(#6a3aa8, #c6a8f0)" },
  { tag: [tags.separator, tags.squareBracket, tags.brace, tags.punctuation], color: "light-dark(#495057, #adb5bd)" },
]);

/** How code looks. */
export const theme: Extension = [surface, syntaxHighlighting(colours)];
