import type { SearchResult, SearchResultPage } from "@millrace/client";
import { type Command, Option } from "commander";
import { connect, withUrl } from "../connection.ts";
import { UsageError } from "../exit-codes.ts";
import { type Output, printable, table } from "../output.ts";

interface SearchOptions {
  readonly url?: string;
  readonly project?: string;
  readonly json?: boolean;
  readonly mode?: "keyword" | "vector" | "hybrid";
  readonly filter: readonly string[];
  readonly limit: string;
  readonly offset: string;
}

interface Common {
  readonly url?: string;
  readonly project?: string;
  readonly json?: boolean;
}

/** `millrace search` and `millrace collections …`. */
export function addSearch(program: Command, output: Output): void {
  withUrl(
    program
      .command("search")
      .description("search a collection that a pipeline has put documents into")
      .argument("<collection>", "its name, as millrace collections list shows it")
      .argument("<words...>", 'what is searched for: words, "several in a row" in quotes, -without, begin*')
      .addOption(
        new Option("--mode <mode>", "by words, by the nearness of vectors, or by both").choices([
          "keyword",
          "vector",
          "hybrid",
        ]),
      )
      .option(
        "--filter <condition>",
        "only documents whose metadata fit: field:value, field!=value, field>=value; may be repeated",
        (value: string, before: string[]) => [...before, value],
        [],
      )
      .option("--limit <n>", "show so many (1…100)", "10")
      .option("--offset <n>", "skip so many", "0")
      .option("--json", "print JSON"),
  )
    .addHelpText(
      "after",
      "\nDocuments with all of the words are shown, and where there is none, those with any of them.\n\nExamples:\n  $ millrace search docs journal order\n  $ millrace search docs '\"at least once\"' --filter path:README.md\n  $ millrace search docs crash --json | jq -r '.results[].id'",
    )
    .action(async (collection: string, words: string[], options: SearchOptions) => {
      const page = await connect(options).search.find({
        collection,
        q: words.join(" "),
        ...(options.mode === undefined ? {} : { mode: options.mode }),
        filter: [...options.filter],
        limit: whole("--limit", options.limit, 1, 100),
        offset: whole("--offset", options.offset, 0, 10_000),
      });
      if (options.json) output.line(JSON.stringify(page, null, 2));
      else show(page, output);
    });

  const collections = program.command("collections").description("collections of documents that can be searched");
  withUrl(collections.command("list").description("list collections"))
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ millrace collections list")
    .action(async (options: Common) => {
      const page = await connect(options).search.collections({ limit: 1000 });
      if (options.json) {
        output.line(JSON.stringify(page, null, 2));
        return;
      }
      const rows = page.collections.map((each) => [
        each.documents,
        each.vectors,
        each.dimensions ?? "–",
        each.language,
        each.updated_at,
        printable(each.name),
      ]);
      output.line(table(output, ["documents", "vectors", "dimensions", "language", "updated", "name"], rows));
    });
  withUrl(collections.command("show").description("describe a collection, with what there is to filter by"))
    .argument("<collection>", "its name")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ millrace collections show docs")
    .action(async (name: string, options: Common) => {
      const { fields, ...collection } = await connect(options).search.collection(name);
      if (options.json) {
        output.line(JSON.stringify({ ...collection, fields }, null, 2));
        return;
      }
      for (const [key, value] of Object.entries(collection))
        output.line(
          `${key}: ${printable(typeof value === "object" ? (value === null ? "–" : JSON.stringify(value)) : String(value))}`,
        );
      for (const { field, values } of fields) {
        const shown = values.map(({ value, count }) => `${String(value)} (${count})`).join(", ");
        output.line(`field ${printable(field)}: ${printable(shown)}`);
      }
    });
  withUrl(collections.command("delete").description("delete a collection with its documents"))
    .argument("<collection>", "its name")
    .addHelpText("after", "\nExample:\n  $ millrace collections delete docs")
    .action(async (name: string, options: Common) => {
      await connect(options).search.deleteCollection(name);
      output.note(`Deleted: ${name}`);
    });
}

function show(page: SearchResultPage, output: Output): void {
  for (const [index, result] of page.results.entries()) {
    if (index > 0) output.line("");
    for (const line of resultLines(result, page.offset + index + 1, output)) output.line(line);
  }
  const last = page.offset + page.results.length;
  const any = page.matched === "any" ? "; none has all the words" : "";
  const found =
    page.results.length === 0
      ? page.total === 0
        ? "Nothing was found."
        : `There are ${page.total} in all.`
      : `${page.offset + 1} to ${last} of ${page.total}, by ${page.mode === "hybrid" ? "words and vectors" : page.mode === "vector" ? "vectors" : "words"}${any}, in ${page.took_ms} ms.`;
  output.note(page.has_more ? `${found} --offset ${last} shows more.` : found);
}

function resultLines(result: SearchResult, place: number, output: Output): string[] {
  const { text, highlights } = result.snippet;
  let snippet = "";
  let at = 0;
  for (const [start = 0, end = 0] of highlights) {
    snippet += printable(text.slice(at, start)) + output.paint(["bold", "yellow"], printable(text.slice(start, end)));
    at = end;
  }
  snippet += printable(text.slice(at));
  const head = `${place}. ${output.paint("bold", printable(result.title ?? result.id))}`;
  return [head, ...(result.title === null ? [] : [`   ${output.paint("dim", printable(result.id))}`]), `   ${snippet}`];
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`${option}: expected a whole number from ${least} to ${most}, got "${text}"`);
}
