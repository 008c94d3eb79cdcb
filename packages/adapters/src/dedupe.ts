import { hash } from "node:crypto";
import {
  type Adapter,
  AdapterError,
  compileTemplate,
  defineAdapter,
  type Template,
  templateField,
} from "@millrace/engine";
import type { JsonValue } from "@millrace/protocol";
import { z } from "zod";
import { NearDuplicates, signatureOf } from "./near-duplicates.ts";
import { onlyInServiceThread } from "./service-thread.ts";
import { templateInput } from "./template-input.ts";

const config = z.strictObject({
  key: templateField()
    .min(1)
    .optional()
    .describe(
      "What makes two messages the same, with `${…}` over the message, as `${url}`; default: the whole payload, whatever the order of its fields",
    ),
  mode: z
    .enum(["exact", "near"])
    .default("exact")
    .describe(
      "Whether keys are the same where all of them is, or where they are alike as texts: `near` is for the text of documents, as `${text}`",
    ),
  threshold: z
    .number()
    .min(0.3)
    .max(1)
    .default(0.8)
    .describe(
      "With `near`: how much of their words, three in a row, two texts must share to count as the same, from 0.3 to 1 (the Jaccard similarity, told to within a tenth)",
    ),
  max_keys: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(1_000_000)
    .describe("The most keys that are remembered; each takes 200 to 400 bytes of memory, with `near` 2 to 4 KB"),
  when_full: z
    .enum(["fail", "forget"])
    .default("fail")
    .describe(
      "What happens to a new key when so many are remembered: its message fails, or the oldest key is forgotten",
    ),
});

interface Prepared {
  readonly key: Template | null;
  /** The message, and its payload, that a key was first seen with; the oldest key first. */
  readonly owners: Map<string, string>;
  /** Null where keys are compared exactly. */
  readonly near: NearDuplicates | null;
}

const EXAMPLE = `version: "1.0"
routes:
  links: { adapters: [{ type: split, config: { field: urls } }, { type: dedupe, config: { key: "\${value}" } }, { type: log }] }
init_message: { route: links, payload: { urls: [/a, /b, /a] } }
`;

/** Drops messages that are the same as one before. */
export const dedupe: Adapter<z.infer<typeof config>, Prepared> = defineAdapter({
  type: "dedupe",
  category: "flow",
  stateful: () => true,
  description: "Passes on the first message of each key in this step of the run, and drops the others.",
  config,
  example: EXAMPLE,
  prepare: ({ key, mode, threshold }) => {
    onlyInServiceThread("dedupe");
    return {
      key: key === undefined ? null : compileTemplate(key),
      owners: new Map(),
      near: mode === "near" ? new NearDuplicates(threshold) : null,
    };
  },
  async process(message, { config: { max_keys: maxKeys, when_full: whenFull }, prepared: { key, owners, near } }) {
    const text = key === null ? canonical(message.payload) : await key.render(templateInput(message));
    const digest = hash("sha256", text, "base64");
    const self = `${message.id}/${message.piece}`;
    const owner = owners.get(digest);
    // The same message again is an attempt after a failure: it must not be lost.
    if (owner !== undefined) return owner === self ? message.payload : null;
    const signature = near === null ? null : signatureOf(text);
    const like = signature === null ? null : (near?.find(signature) ?? null);
    if (like !== null) return like.owner === self ? message.payload : null;
    if (owners.size >= maxKeys) {
      const [first] = owners;
      if (whenFull === "fail" || first === undefined) {
        throw new AdapterError(
          "DEDUPE_FULL",
          `${maxKeys} keys are remembered (max_keys). Raise it, or set when_full: forget.`,
          { retryable: false },
        );
      }
      const [oldest, itsOwner] = first;
      owners.delete(oldest);
      near?.forget(itsOwner);
    }
    owners.set(digest, self);
    if (signature !== null) near?.add(self, signature);
    return message.payload;
  },
});

/** JSON with the fields of each object in one order. */
function canonical(payload: JsonValue): string {
  return JSON.stringify(payload, (_name, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
