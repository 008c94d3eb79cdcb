import type { FindingCodeInfo } from "./finding-code-info.ts";

/** `E0xx`: the text as YAML. */
export const YAML_CODES = {
  E001: {
    severity: "error",
    title: "YAML syntax",
    explanation:
      "The text is not well-formed YAML 1.2, so nothing else can be checked. The first error of each line is reported; later ones often follow from it.",
    example: 'version: "1.0"\nroutes:\n  main: { adapters: [{ type: log }\n',
    fix: "Look at the line and column, and just before them: most often a quote or bracket is not closed, a tab is used to indent, a colon has no space after it, or two keys of one level do not begin in the same column.",
  },
  E002: {
    severity: "error",
    title: "Key there twice",
    explanation:
      "A mapping has the same key twice. Many YAML readers keep the last one silently; which one was meant cannot be told, so neither is trusted.",
    example:
      'version: "1.0"\nroutes:\n  main:\n    adapters: [{ type: log }]\n  main:\n    adapters: [{ type: log }]\ninit_message: { route: main }\n',
    fix: "Rename or remove one of the two.",
  },
  E003: {
    severity: "error",
    title: "Document too large",
    explanation:
      "The text is longer than 1 MiB (1,048,576 characters) or has more than 500,000 YAML tokens. It is refused before it is parsed.",
    example: `# ${"x".repeat(1024 * 1024)}\n`,
    shownAs: "# a document of more than 1 MiB",
    fix: "Split the pipeline, or move data out of it into files that an adapter reads.",
  },
  E004: {
    severity: "error",
    title: "Nested too deep",
    explanation:
      "Collections stand within each other more than 100 levels deep, directly or by way of aliases. Such a document is a mistake or an attack, and is refused before it is read whole.",
    example: `version: ${"[".repeat(120)}\n`,
    fix: "Flatten the document; a pipeline needs about ten levels.",
  },
  E005: {
    severity: "error",
    title: "Aliases expand too far",
    explanation:
      "Aliases of aliases would make the document larger than about 4 million characters if they were written out. This is how a small text can fill all memory (a “billion laughs” bomb).",
    example: [
      "a: &a [x, x, x, x, x, x, x, x, x, x]",
      ..."bcdefg".split("").map((name) => {
        const before = String.fromCharCode(name.charCodeAt(0) - 1);
        return `${name}: &${name} [${Array.from({ length: 10 }, () => `*${before}`).join(", ")}]`;
      }),
      "",
    ].join("\n"),
    fix: "Use fewer aliases of aliases.",
  },
  E006: {
    severity: "error",
    title: "Several documents",
    explanation: "The text holds more than one YAML document, separated by `---`. A pipeline is one document.",
    example:
      'version: "1.0"\nroutes: { main: { adapters: [{ type: log }] } }\ninit_message: { route: main }\n---\nversion: "1.0"\n',
    fix: "Keep one pipeline per file.",
  },
  E007: {
    severity: "error",
    title: "Empty document",
    explanation: "The text has nothing in it but white space and comments.",
    example: "# nothing here yet\n",
    fix: 'Begin with `version: "1.0"` and `routes:`.',
  },
  E008: {
    severity: "error",
    title: "Not a mapping",
    explanation:
      "The whole document is a text, a number or a list, where a mapping with `version` and `routes` is due.",
    example: "- type: log\n",
    fix: 'Begin with `version: "1.0"` and `routes:`, and put routes with their adapters below.',
  },
  E009: {
    severity: "error",
    title: "Unknown tag",
    explanation:
      "A YAML tag (`!something`) is unknown, or does not fit the value that it stands before. Only the tags of YAML's core schema have a meaning here.",
    example:
      'version: "1.0"\nname: !include name.txt\nroutes: { main: { adapters: [{ type: log }] } }\ninit_message: { route: main }\n',
    fix: "Remove the tag, or use one of `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!map` and `!!seq`.",
  },
  E010: {
    severity: "error",
    title: "Key that is no text",
    explanation:
      "A key of a mapping is a number, `true`, `null` or a collection. JSON, in which messages and configs are kept, has text keys only.",
    example:
      'version: "1.0"\nroutes: { main: { adapters: [{ type: log }] } }\ninit_message:\n  route: main\n  payload: { 404: missing }\n',
    fix: 'Put the key into quotes: `"404": missing`.',
  },
  E011: {
    severity: "error",
    title: "Character not allowed",
    explanation:
      "The text holds a control character such as NUL, half of a character, or U+FFFD, which stands for bytes that are no UTF-8. This is what a binary file, or one in UTF-16 or Latin-1, looks like.",
    example: 'version: "1.0"\nname: "bell \u0007"\n',
    shownAs: 'version: "1.0"\nname: "bell ␇" # the control character U+0007',
    fix: 'Save the file as UTF-8. Where the character is meant, write it as an escape in double quotes, as `"\\u0007"`.',
  },
  E012: {
    severity: "error",
    title: "Alias without an anchor",
    explanation: "An alias (`*name`) stands where no anchor (`&name`) of that name was defined before it.",
    example: 'version: "1.0"\nroutes:\n  main: { adapters: *chain }\ninit_message: { route: main }\n',
    fix: "Define the anchor first, for example under a key of your own such as `x-chain: &chain`.",
  },
  E013: {
    severity: "error",
    title: "Alias within its own anchor",
    explanation: "An alias stands within the value that it is an alias of, which would never end.",
    example:
      'version: "1.0"\nroutes: { main: { adapters: [{ type: log }] } }\ninit_message:\n  route: main\n  payload: &p { again: *p }\n',
    fix: "Write the value out.",
  },
  E014: {
    severity: "error",
    title: "Merge of something else",
    explanation: "The merge key `<<` takes over the entries of a mapping, and was given something else.",
    example:
      'version: "1.0"\nx-name: &name main\nroutes:\n  main: { <<: *name, adapters: [{ type: log }] }\ninit_message: { route: main }\n',
    fix: "Give it an alias of a mapping (`<<: *defaults`) or a list of such (`<<: [*a, *b]`).",
  },
  E015: {
    severity: "error",
    title: "Number that JSON cannot carry",
    explanation:
      "`.nan`, `.inf` and numbers beyond 1.8e308 have no form in JSON, in which messages and configs are kept.",
    example:
      'version: "1.0"\nroutes: { main: { adapters: [{ type: log }] } }\ninit_message:\n  route: main\n  payload: { limit: .inf }\n',
    fix: "Use a finite number, or put it into quotes to keep it as text.",
  },
  E016: {
    severity: "error",
    title: "Key not allowed",
    explanation: "The key `__proto__` has a meaning of its own in JavaScript, and is refused everywhere.",
    example:
      'version: "1.0"\nroutes: { main: { adapters: [{ type: log }] } }\ninit_message:\n  route: main\n  payload: { __proto__: 1 }\n',
    fix: "Use another name.",
  },
} as const satisfies Record<string, FindingCodeInfo>;
