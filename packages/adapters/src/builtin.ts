import type { AnyAdapter } from "@millrace/engine";
import { batch } from "./batch.ts";
import { chunk } from "./chunk.ts";
import { complete } from "./complete.ts";
import { makeCsvRows } from "./csv-rows.ts";
import { csvWrite } from "./csv-write.ts";
import { dedupe } from "./dedupe.ts";
import { delay } from "./delay.ts";
import { makeDocxToMarkdown } from "./docx-to-markdown.ts";
import { embed } from "./embed.ts";
import { type AdapterEnvironment, adapterEnvironment, NO_GRANTS } from "./environment.ts";
import { fail } from "./fail.ts";
import { makeFiles } from "./files.ts";
import { filter } from "./filter.ts";
import { generate } from "./generate.ts";
import { htmlExtract } from "./html-extract.ts";
import { htmlToMarkdown } from "./html-to-markdown.ts";
import { httpPost } from "./http-post.ts";
import { httpRequest } from "./http-request.ts";
import { indexAdapter } from "./index-adapter.ts";
import { join } from "./join.ts";
import { jsonTransform } from "./json-transform.ts";
import { makeJsonlRows } from "./jsonl-rows.ts";
import { jsonlWrite } from "./jsonl-write.ts";
import { languageDetect } from "./language-detect.ts";
import { log } from "./log.ts";
import { markdownParse } from "./markdown-parse.ts";
import { markdownSplit } from "./markdown-split.ts";
import { makeParquetRows } from "./parquet-rows.ts";
import { parquetWrite } from "./parquet-write.ts";
import { makePdfToText } from "./pdf-to-text.ts";
import { makeReadFile } from "./read-file.ts";
import { rss } from "./rss.ts";
import { s3Objects } from "./s3-objects.ts";
import { s3Write } from "./s3-write.ts";
import { script } from "./script.ts";
import { sitemap } from "./sitemap.ts";
import { split } from "./split.ts";
import { makeSqlQuery } from "./sql-query.ts";
import { makeSqlUpsert } from "./sql-upsert.ts";
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
    makeCsvRows(environment.files),
    csvWrite,
    dedupe,
    delay,
    makeDocxToMarkdown(environment.files),
    embed(environment),
    fail,
    makeFiles(environment.files),
    filter,
    generate,
    htmlExtract,
    htmlToMarkdown,
    httpPost(environment),
    httpRequest(environment),
    indexAdapter,
    join,
    makeJsonlRows(environment.files),
    jsonlWrite,
    jsonTransform,
    languageDetect,
    log,
    markdownParse,
    markdownSplit,
    makeParquetRows(environment.files),
    parquetWrite,
    makePdfToText(environment.files),
    makeReadFile(environment.files),
    rss,
    s3Objects(environment),
    s3Write(environment),
    script,
    sitemap,
    split,
    makeSqlQuery(environment.files),
    makeSqlUpsert(environment.files),
    storeWrite,
    subpipeline,
    switchAdapter,
    throttle,
    webCrawl(environment),
  ];
}

/** The adapters that are always there, to look at: nothing is granted to them. */
export const builtinAdapters: readonly AnyAdapter[] = makeBuiltinAdapters(adapterEnvironment(NO_GRANTS));
