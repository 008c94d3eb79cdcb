import type { AnyAdapter } from "@millrace/engine";
import { batch } from "./batch.ts";
import { chunk } from "./chunk.ts";
import { complete } from "./complete.ts";
import { csvRows } from "./csv-rows.ts";
import { csvWrite } from "./csv-write.ts";
import { dedupe } from "./dedupe.ts";
import { delay } from "./delay.ts";
import { embed } from "./embed.ts";
import { fail } from "./fail.ts";
import { files } from "./files.ts";
import { filter } from "./filter.ts";
import { generate } from "./generate.ts";
import { htmlExtract } from "./html-extract.ts";
import { htmlToMarkdown } from "./html-to-markdown.ts";
import { httpRequest } from "./http-request.ts";
import { indexAdapter } from "./index-adapter.ts";
import { jsonTransform } from "./json-transform.ts";
import { jsonlRows } from "./jsonl-rows.ts";
import { jsonlWrite } from "./jsonl-write.ts";
import { languageDetect } from "./language-detect.ts";
import { log } from "./log.ts";
import { markdownParse } from "./markdown-parse.ts";
import { markdownSplit } from "./markdown-split.ts";
import { readFile } from "./read-file.ts";
import { rss } from "./rss.ts";
import { sitemap } from "./sitemap.ts";
import { split } from "./split.ts";
import { sqlUpsert } from "./sql-upsert.ts";
import { storeWrite } from "./store-write.ts";
import { switchAdapter } from "./switch.ts";
import { throttle } from "./throttle.ts";

/** The adapters that are always there. */
export const builtinAdapters: readonly AnyAdapter[] = [
  batch,
  chunk,
  complete,
  csvRows,
  csvWrite,
  dedupe,
  delay,
  embed,
  fail,
  files,
  filter,
  generate,
  htmlExtract,
  htmlToMarkdown,
  httpRequest,
  indexAdapter,
  jsonTransform,
  jsonlRows,
  jsonlWrite,
  languageDetect,
  log,
  markdownParse,
  markdownSplit,
  readFile,
  rss,
  sitemap,
  split,
  sqlUpsert,
  storeWrite,
  switchAdapter,
  throttle,
];
