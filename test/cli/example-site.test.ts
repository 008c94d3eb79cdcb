import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Folder, millrace } from "../support/command.ts";

test("examples/site.yaml makes sections of Markdown of the pages of a site", { timeout: 300_000 }, async () => {
  using folder = new Folder();
  const { code, stdout, stderr } = await millrace(["run", "examples/site.yaml", "--data-dir", folder.at("data")]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^completed: \d+ messages done, 0 failed/m);

  const objects = join(folder.at("data"), "objects", "executions");
  const [execution = ""] = readdirSync(objects);
  const stored = join(objects, execution, "store", "sections");
  const sections = readdirSync(stored, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".json"))
    .map((name) => ({ name, ...JSON.parse(readFileSync(join(stored, name), "utf8")) }));
  assert.deepEqual(sections.map(({ name, heading_path: path }) => `${name} ${path.join(" > ")}`).sort(), [
    "guide/knots.html/0.json ",
    "guide/moorings.html/0.json ",
    "guide/moorings.html/1.json How long",
    "guide/moorings.html/2.json When the wall is dry at low water",
    "index.html/0.json ",
    "index.html/1.json How to read one",
    "index.html/2.json The rule of twelfths",
  ]);

  const text = (name: string) => sections.find((section) => section.name === name)?.text ?? "";
  assert.match(text("index.html/1.json"), /\| 2 \| 06:58 \| 4\.4 m \|/);
  assert.match(text("index.html/1.json"), /\[moorings\]\(https:\/\/harbour\.example\/guide\/moorings\.html\)/);
  assert.match(text("index.html/2.json"), /^```js\nconst TWELFTHS = /m);
  const knots = sections.find(({ name }) => name === "guide/knots.html/0.json");
  assert.deepEqual([knots.title, knots.author], ["Three knots that hold", "Ada Penrose"]);
  for (const { text: section } of sections) assert.doesNotMatch(section, /Imprint|Berths|never content/);
});
