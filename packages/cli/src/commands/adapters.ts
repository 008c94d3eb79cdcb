import { type AdapterInfo, type JsonObject, type JsonValue, MillraceError } from "@millrace/protocol";
import type { Command } from "commander";
import { adaptersDirOf } from "../adapters-dir.ts";
import { workshop } from "../engine-room.ts";
import { type Output, table } from "../output.ts";

/** `millrace adapters`. */
export function addAdapters(program: Command, output: Output): void {
  program
    .command("adapters")
    .description("list the adapters, or show one with its config")
    .argument("[type]", "an adapter's type")
    .option("--adapters-dir <dir>", "a folder with adapters of your own (MILLRACE_ADAPTERS_DIR)")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  $ millrace adapters\n  $ millrace adapters markdown_split")
    .action(async (type: string | undefined, options: { adaptersDir?: string; json?: boolean }) => {
      const { createAdapterRegistry, describeAdapter, nearestName } = await workshop();
      const registry = await createAdapterRegistry({ adaptersDir: adaptersDirOf(options), baseDir: process.cwd() });
      if (type === undefined) {
        const adapters = registry.list().map(describeAdapter);
        if (options.json) output.line(JSON.stringify(adapters, null, 2));
        else {
          for (const adapter of adapters) {
            output.line(`${output.paint("bold", adapter.type)}  ${adapter.description}`);
            for (const [name, kind, fallback] of configRows(adapter)) {
              output.line(
                `    ${name}: ${kind}${fallback === "" ? "" : `, ${fallback === "required" ? fallback : `default ${fallback}`}`}`,
              );
            }
          }
        }
        return;
      }
      const adapter = await registry.resolve(type);
      if (adapter === undefined) {
        const nearest = nearestName(
          type,
          registry.list().map((known) => known.type),
        );
        const message = `There is no adapter of type "${type}".${nearest === null ? "" : ` Did you mean "${nearest}"?`}`;
        throw new MillraceError("ADAPTER_NOT_FOUND", message);
      }
      const info = describeAdapter(adapter);
      if (options.json) output.line(JSON.stringify(info, null, 2));
      else showAdapter(output, info);
    });
}

function showAdapter(output: Output, adapter: AdapterInfo): void {
  output.line(`${output.paint("bold", adapter.type)}  (${adapter.category})`);
  output.line(adapter.description);
  const rows = configRows(adapter);
  output.line("");
  if (rows.length === 0) output.line("It takes no config.");
  else output.line(table(output, ["config", "takes", "default", ""], rows));
  if (adapter.example !== null) output.line(`\nExample:\n\n${adapter.example.trim().replaceAll(/^(?=.)/gm, "  ")}`);
}

function configRows(adapter: AdapterInfo): string[][] {
  const { properties, required } = adapter.config_schema;
  return Object.entries(isObject(properties) ? properties : {}).map(([name, schema]) => {
    const field = isObject(schema) ? schema : {};
    const needed = Array.isArray(required) && required.includes(name);
    const fallback = needed ? "required" : field.default === undefined ? "" : JSON.stringify(field.default);
    return [name, kindOf(field), fallback, typeof field.description === "string" ? field.description : ""];
  });
}

/** A JSON Schema's kind in a word or two. */
function kindOf(schema: JsonObject): string {
  if (Array.isArray(schema.enum)) return schema.enum.map(String).join(" | ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) return choices.map((choice) => kindOf(isObject(choice) ? choice : {})).join(" | ");
  if (schema.format === "jsonata") return "expression";
  if (schema.format === "template") return "template";
  if (schema.format === "route") return "route";
  return typeof schema.type === "string" ? schema.type : "any";
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
