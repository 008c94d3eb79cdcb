import type { FileHandle } from "node:fs/promises";
import type { JsonObject } from "@millrace/protocol";

/** Work that takes long, and whose input nobody trusts: done in a thread, which can be ended. */
export type Work =
  | { readonly kind: "pdf"; readonly bytes: Uint8Array<ArrayBuffer>; readonly options: PdfWork }
  | { readonly kind: "docx"; readonly bytes: Uint8Array<ArrayBuffer>; readonly options: DocxWork }
  | { readonly kind: "parquet"; readonly source: ParquetSource; readonly options: ParquetWork }
  | { readonly kind: "sqlite"; readonly query: SqliteWork };

/** A query over an SQLite file. */
export interface SqliteWork {
  readonly file: string;
  /** As the config names it. */
  readonly shown: string;
  readonly sql: string;
  readonly parameters: readonly (string | number | null)[];
  /** The longest wait for another process, in milliseconds. */
  readonly waitMs: number;
}

/** Where the bytes of a Parquet file are; a file's handle is closed by whoever reads it. */
export type ParquetSource = { readonly bytes: Uint8Array<ArrayBuffer> } | { readonly handle: FileHandle };

/** How a Parquet file is read. */
export interface ParquetWork {
  /** Null: all. */
  readonly columns: readonly string[] | null;
  readonly binary: "base64" | "text";
  readonly maxRowGroupBytes: number;
  readonly rowStart: number;
  readonly maxRows: number | null;
}

/** How a PDF is read. */
export interface PdfWork {
  readonly password: string | null;
  readonly maxPages: number;
  readonly maxCharacters: number;
  readonly perDocument: boolean;
  readonly blocks: boolean;
}

/** How a document of Word is read. */
export interface DocxWork {
  readonly maxUnpackedBytes: number;
}

/** A failure on its way out of the thread. */
export interface WorkFailure {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

/** From the service to a thread. */
export type ToWorkThread = { readonly kind: "work"; readonly work: Work } | { readonly kind: "next" };

/** From a thread to the service. */
export type FromWorkThread =
  | { readonly kind: "value"; readonly value: JsonObject }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly failure: WorkFailure };
