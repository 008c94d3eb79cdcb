import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { connect, withUrl } from "../connection.ts";
import { type Output, printable, table } from "../output.ts";

interface Common {
  readonly url?: string;
  readonly project?: string;
  readonly json?: boolean;
}

/** `millrace objects …`. */
export function addObjects(program: Command, output: Output): void {
  const objects = program.command("objects").description("what executions wrote to the object store");
  const add = (name: string, description: string) => withUrl(objects.command(name).description(description));

  add("list", "list objects, by their keys")
    .option("--execution <id>", "only those of an execution, by its id or tag")
    .option("--prefix <key>", "only those whose keys begin so")
    .option("--stage <stage...>", "only those of these stages")
    .option("--limit <n>", "how many", "100")
    .option("--cursor <key>", "only those behind this one")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ millrace objects list --execution nightly --stage sections")
    .action(
      async (
        options: Common & { execution?: string; prefix?: string; stage?: string[]; limit: string; cursor?: string },
      ) => {
        const page = await connect(options).storage.list({
          limit: Number(options.limit),
          ...(options.execution === undefined ? {} : { execution_id: options.execution }),
          ...(options.prefix === undefined ? {} : { prefix: options.prefix }),
          ...(options.stage === undefined ? {} : { stage: options.stage }),
          ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
        });
        if (options.json) {
          output.line(JSON.stringify(page, null, 2));
          return;
        }
        const rows = page.objects.map((each) => [each.size, printable(each.content_type), printable(each.key)]);
        output.line(table(output, ["bytes", "type", "key"], rows));
        if (page.has_more) output.note(`${page.total} in all; --cursor KEY shows those behind the last one.`);
      },
    );

  add("show", "describe an object: its size, type, hash and message")
    .argument("<key>", "an object's key")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ millrace objects show executions/nightly/store/sections/README.md.json")
    .action(async (key: string, options: Common) => {
      const object = await connect(options).storage.metadata(key);
      if (options.json) output.line(JSON.stringify(object, null, 2));
      else
        for (const [name, value] of Object.entries(object)) output.line(`${name}: ${printable(String(value ?? "–"))}`);
    });

  add("get", "print an object's bytes, or save them")
    .argument("<key>", "an object's key")
    .option("--output <file>", "the file to save them in")
    .addHelpText(
      "after",
      "\nExample:\n  $ millrace objects get executions/nightly/store/sections/README.md.json --output readme.json",
    )
    .action(async (key: string, options: Common & { output?: string }) => {
      const { body } = await connect(options).storage.get(key);
      if (body === null) return;
      if (options.output === undefined) await pipeline(Readable.fromWeb(body), process.stdout, { end: false });
      else await pipeline(Readable.fromWeb(body), createWriteStream(options.output));
    });
}
