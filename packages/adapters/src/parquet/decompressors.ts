import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { AdapterError } from "@millrace/engine";
import type { Compressors } from "hyparquet";
import { compressors } from "hyparquet-compressors";

type Codec = keyof Compressors;

/** What unpacks the pages of a Parquet file. A page that would be larger than `maxBytes` is not unpacked. */
export function decompressors(maxBytes: number): Compressors {
  const native: Compressors = {
    GZIP: (input, size) => gunzipSync(input, { maxOutputLength: Math.max(1, size) }),
    BROTLI: (input, size) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, size) }),
    ZSTD: (input, size) => zstdDecompressSync(input, { maxOutputLength: Math.max(1, size) }),
  };
  const checked: Compressors = {};
  for (const [codec, decompress] of Object.entries({ ...compressors, ...native })) {
    // The keys are those of the two objects.
    checked[codec as Codec] = (input, size) => {
      if (size <= maxBytes) return decompress(input, size);
      throw new AdapterError(
        "PARQUET_ROW_GROUP_TOO_LARGE",
        `A page of the Parquet file has ${size} bytes unpacked; max_row_group_bytes is ${maxBytes}.`,
        { retryable: false },
      );
    };
  }
  return checked;
}
