import { type Adapter, AdapterError, defineAdapter } from "@millrace/engine";
import { z } from "zod";
import { bytesFields, hasOneSource, ONE_SOURCE, takeBytes } from "./bytes-source.ts";
import { EVERYWHERE, type FilePlaces } from "./file-places.ts";
import { inThread } from "./work-threads/work-thread.ts";

const config = z
  .strictObject({
    ...bytesFields,
    emit: z
      .enum(["pages", "document"])
      .default("pages")
      .describe("`pages`: a message per page; `document`: one for all pages, with `page_list`"),
    blocks: z
      .boolean()
      .default(true)
      .describe(
        "Whether `blocks` says where each paragraph stands on its page: `offset` and `length` in `text`, and `x`, `y`, `width`, `height` in points from the upper left",
      ),
    password: z.string().min(1).optional().describe("Opens a PDF that is encrypted; use `${secret:NAME}`"),
    max_bytes: z
      .int()
      .min(1)
      .max(1024 ** 3)
      .default(64 * 1024 ** 2)
      .describe("The largest PDF that is read, in bytes"),
    max_pages: z.int().min(1).max(100_000).default(2000).describe("The most pages of a PDF that is read"),
    max_characters: z
      .int()
      .min(1)
      .max(1024 ** 3)
      .default(20_000_000)
      .describe("The most text of a PDF, in characters"),
    max_seconds: z
      .number()
      .gt(0)
      .max(3600)
      .default(60)
      .describe("The longest that a PDF may take to be read, in seconds, without the time that its pages wait"),
    max_memory_mb: z
      .int()
      .min(64)
      .max(4096)
      .default(768)
      .describe("The most memory that a PDF may take to be read, in MiB"),
  })
  .refine(hasOneSource, ONE_SOURCE);

const EXAMPLE = `version: "1.0"
routes:
  find: { adapters: [{ type: files, config: { root: docs, glob: "**/*.pdf" } }], outbound: [read] }
  read: { adapters: [{ type: pdf_to_text }], outbound: [keep], error_handling: { on_error: continue } }
  keep: { adapters: [{ type: store_write, config: { field: text, name: "\${path}/\${page}.txt" } }] }
init_message: { route: find }
`;

/** Takes the text out of a PDF. */
export const pdfToText: Adapter<z.infer<typeof config>> = makePdfToText(EVERYWHERE);

/** The same, for the files of these places. */
export function makePdfToText(places: FilePlaces): Adapter<z.infer<typeof config>> {
  return defineAdapter({
    type: "pdf_to_text",
    category: "content",
    description:
      "Takes the text out of a PDF, in reading order: one message per page with `page`, `pages`, `text`, `width`, `height`, `blocks` and `metadata`, or one per document.",
    config,
    example: EXAMPLE,
    // A file is on the disk of one machine.
    stateful: ({ field, object_field: objectField }) => field === undefined && objectField === undefined,
    async *process({ payload }, { config: settings, signal, objects }) {
      const { bytes, name, rest } = await takeBytes(payload, settings, { objects, places }, signal);
      const work = {
        kind: "pdf",
        bytes,
        options: {
          password: settings.password ?? null,
          maxPages: settings.max_pages,
          maxCharacters: settings.max_characters,
          perDocument: settings.emit === "document",
          blocks: settings.blocks,
        },
      } as const;
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
  return new AdapterError("PDF_TOO_COMPLEX", message, { retryable: false });
}
