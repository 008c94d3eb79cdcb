import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ServiceProcess } from "../support/service-process.ts";

let service: ServiceProcess;
before(async () => {
  service = await ServiceProcess.start(["--configs-dir", "examples"]);
});
after(() => service[Symbol.asyncDispose]());

test("examples/docs-search.yaml makes the packages' READMEs a collection in which answers are found", {
  timeout: 300_000,
}, async () => {
  const { configs, executions, search } = service.client;
  const { id } = await configs.find("docs-search");
  await configs.run(id, { tag: "first" });
  assert.equal((await executions.wait("first", 280)).status, "completed");
  const stats = await executions.stats("first");
  const kept = stats.routes.find(({ route }) => route === "gather")?.completed_messages ?? 0;
  const { documents, fields } = await search.collection("package-docs");
  assert.equal(documents, kept, "every section that was not like another is a document");
  assert.ok(documents > 500, `${documents}`);
  assert.deepEqual(
    fields.map(({ field }) => field),
    ["package", "path", "tokens"],
  );

  // Questions whose answer is known to stand in a package that this workspace has.
  for (const [words, from] of [
    ["compile JSON schema validator", "ajv"],
    ["generate UUID version 7", "uuid"],
    ["keep comments and blank lines of YAML documents", "yaml"],
  ] as const) {
    const { results, matched } = await search.find({ collection: "package-docs", q: words, limit: 5 });
    assert.ok(
      results.some(({ metadata }) => metadata.package === from),
      `${words} (${matched}): ${results.map(({ id: found }) => found).join(", ")}`,
    );
  }
  const narrowed = await search.find({ collection: "package-docs", q: "install", filter: ["package:ajv"] });
  assert.ok(narrowed.total > 0 && narrowed.results.every(({ metadata }) => metadata.package === "ajv"));

  await configs.run(id, { tag: "again" });
  await executions.wait("again", 280);
  const again = await search.collection("package-docs");
  assert.equal(again.documents, documents, "a second run replaces what the first has put there");
});
