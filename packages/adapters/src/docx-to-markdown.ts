import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { bytesFields, hasOneSource, ONE_SOURCE, takeBytes } from "./bytes-source.ts";
import { EVERYWHERE, type FilePlaces } from "./file-places.ts";
import { inThread } from "./work-threads/work-thread.ts";

const config = z
  .strictObject({
    ...bytesFields,
    max_bytes: z
      .int()
      .min(1)
      .max(1024 ** 3)
      .default(64 * 1024 ** 2)
      .describe("The largest document that is read, in bytes"),
    max_unpacked_bytes: z
      .int()
      .min(1)
      .max(4 * 1024 ** 3)
      .default(256 * 1024 ** 2)
      .describe("The most that its parts may be once they are unpacked, all together, in bytes"),
    max_seconds: z.number().gt(0).max(3600).default(60).describe("The longest that a document may take, in seconds"),
    max_memory_mb: z.int().min(64).max(4096).default(768).describe("The most memory that a document may take, in MiB"),
  })
  .refine(hasOneSource, ONE_SOURCE);

const EXAMPLE = `version: "1.0"
routes:
  find: { adapters: [{ type: files, config: { root: docs, glob: "**/*.docx" } }], outbound: [cut] }
  cut:
    error_handling: { on_error: continue }
    adapters: [{ type: docx_to_markdown }, { type: markdown_split }, { type: store_write, config: { name: "\${path}/\${index}.json" } }]
init_message: { route: find }
`;

/** Converts a document of Word to Markdown. */
export const docxToMarkdown: Adapter<z.infer<typeof config>> = makeDocxToMarkdown(EVERYWHERE);

/** The same, for the files of these places. */
export function makeDocxToMarkdown(places: FilePlaces): Adapter<z.infer<typeof config>> {
  return defineAdapter({
    type: "docx_to_markdown",
    category: "content",
    description:
      "Converts a document of Word (.docx) to Markdown in `text`: headings, lists, tables, notes, links; adds `metadata`, and `warnings` about what has no place there.",
    config,
    example: EXAMPLE,
    // A file is on the disk of one machine.
    stateful: ({ field, object_field: objectField }) => field === undefined && objectField === undefined,
    async *process({ payload }, { config: settings, signal, objects }) {
      const { bytes, name, rest } = await takeBytes(payload, settings, { objects, places }, signal);
      const work = { kind: "docx", bytes, options: { maxUnpackedBytes: settings.max_unpacked_bytes } } as const;
      const values = inThread(work, {
        signal,
        timeMs: settings.max_seconds * 1000,
        memoryMb: settings.max_memory_mb,
        tooLong: () => tooComplex(`The ${name} took longer than ${settings.max_seconds} s (max_seconds).`),
        tooMuch: () =>
          tooComplex(`The ${name} took more than ${settings.max_memory_mb} MiB of memory (max_memory_mb).`),
      });
      for await (const value of values) yield { ...rest, ...value };
    },
  });
}

function tooComplex(message: string): AdapterError {
  return new AdapterError("DOCX_TOO_COMPLEX", message, { retryable: false });
}
