import type { AnyAdapter } from "@millrace/engine";
import { batch } from "./batch.ts";
import { chunk } from "./chunk.ts";
import { complete } from "./complete.ts";
import { csvRows } from "./csv-rows.ts";
import { csvWrite } from "./csv-write.ts";
import { dedupe } from "./dedupe.ts";
import { delay } from "./delay.ts";
import { docxToMarkdown } from "./docx-to-markdown.ts";
import { embed } from "./embed.ts";
import { type AdapterEnvironment, adapterEnvironment, NO_GRANTS } from "./environment.ts";
import { fail } from "./fail.ts";
import { files } from "./files.ts";
import { filter } from "./filter.ts";
import { generate } from "./generate.ts";
import { htmlExtract } from "./html-extract.ts";
import { htmlToMarkdown } from "./html-to-markdown.ts";
import { httpPost } from "./http-post.ts";
import { httpRequest } from "./http-request.ts";
import { indexAdapter } from "./index-adapter.ts";
import { join } from "./join.ts";
import { jsonTransform } from "./json-transform.ts";
import { jsonlRows } from "./jsonl-rows.ts";
import { jsonlWrite } from "./jsonl-write.ts";
import { languageDetect } from "./language-detect.ts";
import { log } from "./log.ts";
import { markdownParse } from "./markdown-parse.ts";
import { markdownSplit } from "./markdown-split.ts";
import { parquetRows } from "./parquet-rows.ts";
import { parquetWrite } from "./parquet-write.ts";
import { pdfToText } from "./pdf-to-text.ts";
import { readFile } from "./read-file.ts";
import { rss } from "./rss.ts";
import { s3Objects } from "./s3-objects.ts";
import { s3Write } from "./s3-write.ts";
import { script } from "./script.ts";
import { sitemap } from "./sitemap.ts";
import { split } from "./split.ts";
import { sqlQuery } from "./sql-query.ts";
import { sqlUpsert } from "./sql-upsert.ts";
import { storeWrite } from "./store-write.ts";
import { subpipeline } from "./subpipeline.ts";
import { switchAdapter } from "./switch.ts";
import { throttle } from "./throttle.ts";
import { webCrawl } from "./web-crawl.ts";

/** The adapters that are always there, as a service has them. */
export function makeBuiltinAdapters(environment: AdapterEnvironment): readonly AnyAdapter[] {
  return [
    batch,
    chunk,
    complete(environment),
    csvRows,
    csvWrite,
    dedupe,
    delay,
    docxToMarkdown,
    embed(environment),
    fail,
    files,
    filter,
    generate,
    htmlExtract,
    htmlToMarkdown,
    httpPost(environment),
    httpRequest(environment),
    indexAdapter,
    join,
    jsonlRows,
    jsonlWrite,
    jsonTransform,
    languageDetect,
    log,
    markdownParse,
    markdownSplit,
    parquetRows,
    parquetWrite,
    pdfToText,
    readFile,
    rss,
    s3Objects(environment),
    s3Write(environment),
    script,
    sitemap,
    split,
    sqlQuery,
    sqlUpsert,
    storeWrite,
    subpipeline,
    switchAdapter,
    throttle,
    webCrawl(environment),
  ];
}

/** The adapters that are always there, to look at: nothing is granted to them. */
export const builtinAdapters: readonly AnyAdapter[] = makeBuiltinAdapters(adapterEnvironment(NO_GRANTS));
