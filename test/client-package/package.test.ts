import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { shownNames } from "../../scripts/client-types.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { ForeignProject } from "./installed.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const TSC = join(ROOT, "node_modules", "typescript", "bin", "tsc");
const MAX_BYTES = 12_000;

/** Says yes where both are the same to whoever uses them. */
const SAME = `type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;\n`;

const CONSUMER = `
import { type Client, createClient, emptyProgress, foldEvent, type StreamEvent } from "@millrace/client";
import { useExecutionEvents } from "@millrace/client/react";

const client: Client = createClient({ baseUrl: "http://127.0.0.1:8000", headers: async () => ({ authorization: "Bearer x" }) });

export async function use(id: string, signal: AbortSignal): Promise<number> {
  const { executions } = await client.executions.list({ status: ["running"], limit: 10 }, { signal });
  const started: string = executions[0]?.started_at ?? "";
  const progress = emptyProgress();
  for await (const event of client.executions.events(id, { types: ["failed"], signal })) {
    const known: StreamEvent = event;
    if (known.type === "failed") console.log(known.error.code, known.will_retry, known.id, started);
    if (known.type === "end") console.log(known.reason, known.status);
    else if (known.type !== "gap") foldEvent(progress, known);
    // @ts-expect-error: only a failed event has an error
    console.log(event.error);
  }
  // @ts-expect-error: there is no such status
  await client.executions.list({ status: ["done"] });
  // @ts-expect-error: a config is named by its id
  await client.executions.start({ config_id: 5 });
  // @ts-expect-error: there is no such type of event
  client.executions.events(id, { types: ["done"] });
  for await (const { completed } of client.executions.progress(id)) return completed;
  const { remaining } = await client.executions.retry(id, { all: true });
  return remaining;
}

export function useFailures(id: string): number {
  return useExecutionEvents(client, id, { types: ["failed"] }).events.length;
}
`;

const PROGRAM = `
import { createClient } from "@millrace/client";
const client = createClient({ baseUrl: process.env.MILLRACE_URL });
const run = await client.executions.run("numbers");
let completed = 0;
for await (const event of run.events()) if (event.type === "completed") completed += 1;
console.log(completed, (await run.wait()).status, process.version.slice(1).split(".")[0]);
`;

const NUMBERS = `
name: numbers
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 20 } }], outbound: [work] }
  work: { adapters: [{ type: filter, config: { when: "false" } }] }
init_message: { route: make }
`;

describe("the package @millrace/client, packed and installed elsewhere", () => {
  let project: ForeignProject;
  before(async () => {
    project = await ForeignProject.make();
  });
  after(() => project[Symbol.dispose]());

  test("holds code, declarations, its page and its licence, and brings one other package along", () => {
    const { packed } = project;
    for (const file of ["LICENSE", "README.md", "index.d.ts", "index.js", "package.json", "react.d.ts", "react.js"])
      assert.ok(packed.includes(file), file);
    assert.deepEqual(
      packed.filter((file) => !/\.(?:d\.ts|js)$|^(?:LICENSE|README\.md|package\.json)$/.test(file)),
      [],
    );
    assert.deepEqual(project.installed, ["@millrace/client", "eventsource-parser"]);
    const text = packed
      .filter((file) => /\.(?:js|ts)$/.test(file))
      .map((file) => readFileSync(project.at(`build/${file}`), "utf8"))
      .join("\n");
    assert.doesNotMatch(text, /\bzod\b|@millrace\/protocol/);
  });

  test("runs in every Node that is at hand, with nothing else installed", async () => {
    await using service = await ServiceProcess.start();
    await service.client.configs.create({ config_yaml: NUMBERS });
    const file = project.write("app/program.js", PROGRAM);
    for (const node of nodes()) {
      const env = { ...process.env, MILLRACE_URL: service.url };
      const { stdout, stderr } = spawnSync(node, [file], { encoding: "utf8", env });
      assert.match(stdout, /^21 completed (?:2\d|[3-9]\d)\n$/, `${node}: ${stderr}`);
    }
  });

  test("is under 12 kB, minified and gzipped, with all that it brings along", async () => {
    const both = `export * from "@millrace/client";\nexport * from "@millrace/client/react";\n`;
    const entry = project.write("app/everything.js", both);
    const bundle = await rolldown({ input: entry, platform: "browser", external: ["react"] });
    const { output } = await bundle.generate({ format: "es", minify: true });
    await bundle.close();
    const bytes = gzipSync(output.map((part) => (part.type === "chunk" ? part.code : "")).join("")).length;
    assert.ok(bytes < MAX_BYTES, `${bytes} bytes`);
    assert.ok(bytes > 2_000, "it is all there");
  });

  for (const [moduleResolution, module] of [
    ["bundler", "esnext"],
    ["nodenext", "nodenext"],
  ]) {
    test(`types what is right and refuses what is wrong in a strict project, with moduleResolution ${moduleResolution}`, () => {
      project.lend("react", "@types/react", "csstype");
      project.write("app/consumer.ts", CONSUMER);
      cpSync(join(ROOT, "examples", "client", "run-view.tsx"), project.at("app/run-view.tsx"));
      const options = {
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: false,
        noEmit: true,
        target: "es2022",
        lib: ["es2022", "dom", "dom.iterable"],
        types: [],
        jsx: "react-jsx",
        module,
        moduleResolution,
      };
      const config = JSON.stringify({ compilerOptions: options, files: ["consumer.ts", "run-view.tsx"] });
      assert.equal(typeErrors(project.write(`app/tsconfig.${moduleResolution}.json`, config)), "");
    });
  }

  test("has the types that the service's schemas have", () => {
    const lines = shownNames().map(
      (name) => `export const ${name}: Same<import("./build/protocol/types.js").${name}, Own.${name}> = true;`,
    );
    const own = `import type * as Own from ${JSON.stringify(join(ROOT, "packages", "protocol", "src", "index.ts"))};\n`;
    project.write("same.mts", own + SAME + lines.join("\n"));
    const config = {
      extends: join(ROOT, "tsconfig.json"),
      compilerOptions: { types: [] },
      include: [],
      files: ["same.mts"],
    };
    assert.equal(typeErrors(project.write("tsconfig.json", JSON.stringify(config))), "");
  });
});

function typeErrors(config: string): string {
  try {
    execFileSync(process.execPath, [TSC, "-p", config], { encoding: "utf8" });
    return "";
  } catch (error) {
    return String(error instanceof Error && "stdout" in error ? error.stdout : error);
  }
}

/** This one, and the first that is found outside of any project, where it is new enough. */
function nodes(): string[] {
  const other = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => !folder.includes("node_modules"))
    .map((folder) => join(folder, "node"))
    .find((file) => existsSync(file));
  if (other === undefined) return [process.execPath];
  const version = spawnSync(other, ["-p", "process.versions.node"], { encoding: "utf8" }).stdout;
  return Number.parseInt(version, 10) >= 20 ? [process.execPath, other] : [process.execPath];
}
