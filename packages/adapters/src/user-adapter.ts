import { realpathSync } from "node:fs";
import { registerHooks } from "node:module";
import { sep } from "node:path";
import { pathToFileURL } from "node:url";
import type { AnyAdapter } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { z } from "zod";

/** The endings of files that may hold an adapter. */
export const ADAPTER_FILE = /\.(?:ts|mts|js|mjs)$/;

const shape = z.object({
  type: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, "begins with a small letter and has small letters, digits and _"),
  description: z.string().min(1),
  category: z.enum(["source", "content", "flow", "http", "sink", "test", "user"]).default("user"),
  config: z
    .custom<z.ZodType>((value) => value instanceof z.ZodType, "is a Zod schema")
    .default(() => z.strictObject({})),
  process: z
    .custom<NonNullable<AnyAdapter["process"]>>((value) => typeof value === "function", "is a function")
    .optional(),
  gather: z
    .custom<NonNullable<AnyAdapter["gather"]>>((value) => typeof value === "function", "is a function")
    .optional(),
  prepare: z
    .custom<NonNullable<AnyAdapter["prepare"]>>((value) => typeof value === "function", "is a function")
    .optional(),
  references: z
    .custom<NonNullable<AnyAdapter["references"]>>((value) => typeof value === "function", "is a function")
    .optional(),
});

/** Where `import … from "millrace"` leads, wherever the importing file lies. */
let hooked = false;

function resolveMillrace(): void {
  if (hooked) return;
  hooked = true;
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier !== "millrace" && specifier !== "zod") return next(specifier, context);
      // The file's own copy, if it has one, would have classes that are not ours.
      return next(specifier, { ...context, parentURL: import.meta.url });
    },
  });
}

/**
 * Loads the adapter that a file exports as its default.
 * @throws MillraceError ADAPTER_INVALID
 */
export async function loadUserAdapter(file: string): Promise<AnyAdapter> {
  resolveMillrace();
  let loaded: { readonly default?: unknown };
  try {
    loaded = await import(pathToFileURL(file).href);
  } catch (error) {
    throw invalid(file, `it cannot be loaded: ${describe(error)}`, error);
  }
  if (typeof loaded.default !== "object" || loaded.default === null) {
    throw invalid(file, "it has no default export made with defineAdapter({…})");
  }
  const checked = shape.safeParse(loaded.default);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    const field = issue?.path.join(".") ?? "";
    throw invalid(
      file,
      `its "${field}" does not fit: ${field === "config" || field === "process" ? `it ${issue?.message}` : issue?.message}`,
    );
  }
  const { process, gather } = checked.data;
  if ((process === undefined) === (gather === undefined)) throw invalid(file, "it needs either process or gather");
  // The object itself, so that its methods keep their `this`; the checks above gave it the shape.
  return Object.assign(loaded.default, { category: checked.data.category, config: checked.data.config }) as AnyAdapter;
}

/**
 * The real path of a file that a pipeline names, which must lie in `baseDir`.
 * @throws MillraceError ADAPTER_INVALID
 */
export function locateAdapterFile(file: string, baseDir: string): string {
  let real: string;
  try {
    real = realpathSync(file);
  } catch (error) {
    throw invalid(file, "there is no such file", error);
  }
  const base = realpathSync(baseDir);
  if (!real.startsWith(base.endsWith(sep) ? base : base + sep)) throw invalid(file, `it does not lie in ${base}`);
  if (!ADAPTER_FILE.test(real)) throw invalid(file, "it is no .ts, .mts, .js or .mjs file");
  return real;
}

function invalid(file: string, why: string, cause?: unknown): MillraceError {
  return new MillraceError("ADAPTER_INVALID", `The adapter file ${file} cannot be used: ${why}.`, { cause });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A syntax error's stack begins with the file and line, which is what its author needs.
  const place = error instanceof SyntaxError ? (error.stack?.split("\n")[0] ?? "") : "";
  const where = /:(\d+)$/.exec(place)?.[1];
  return `${error.message}${where === undefined ? "" : ` (line ${where})`}`;
}
