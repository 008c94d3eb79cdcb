import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Client, createClient, type SearchBody } from "@millrace/client";
import { FakeModel, vectorOf } from "../../packages/adapters/src/testing/fake-model.ts";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import { withoutSharedStack } from "../support/shared-stack.ts";

const skip = await withoutSharedStack();

const COUNT = 24;

let model: FakeModel;
let fleet: Fleet;
let run: string;

/** Documents that a model has labelled, in a collection with vectors. */
const labelled = (url: string) => `version: "1.0"
name: labelled
routes:
  make:
    adapters:
      - { type: generate, config: { count: ${COUNT} } }
      - { type: json_transform, config: { expression: '{ "id": index, "text": "The wheel has the notch " & $string(index) }' } }
    outbound: [label]
  label:
    inbound: { concurrency: 8 }
    adapters:
      - type: complete
        config:
          base_url: "${url}"
          model: test-chat
          prompt: "Label: \${text}"
          price_per_million_tokens: { input: 10, output: 100 }
      - { type: log, config: { level: warn, message: a label was given } }
    outbound: [embed]
  embed:
    adapters: [{ type: embed, config: { base_url: "${url}", model: test-embed, batch_size: 6 } }]
    outbound: [keep]
  keep:
    inbound: { concurrency: 8 }
    adapters:
      - type: index
        config: { collection: notches, id: "notch-\${id}", embedding: { base_url: "${url}", model: test-embed } }
      - { type: log, config: { level: warn, message: a document was put there } }
init_message: { route: make }
`;

before(async () => {
  if (skip !== false) return;
  // Slow enough that one node with one slot leaves most of it to the others.
  model = await FakeModel.start({
    dimensions: 64,
    fault: async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return false;
    },
  });
  fleet = await Fleet.start(["both", "work", "both"], {
    flags: ["--work-slots", "1", "--http-allow-hosts", "127.0.0.1"],
  });
  run = await fleet.run(labelled(model.url));
  assert.equal((await fleet.client.executions.wait(run, 120)).status, "completed", fleet.stderr);
});
after(async () => {
  if (skip !== false) return;
  await fleet[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
});

/** A client of each node that serves. */
function nodes(): Client[] {
  return fleet.nodes.flatMap(({ url }, place) => (place === 1 ? [] : [createClient({ baseUrl: url })]));
}

/** On how many nodes a step has logged a text. */
function nodesThatSaid(text: string): number {
  return fleet.nodes.filter(({ stderr }) => stderr.includes(text)).length;
}

test("what messages used of models is counted whole, on whichever node they were worked on", { skip }, async () => {
  const asked = (path: string) => model.requests.filter((request) => request.path.endsWith(path)).length;
  assert.equal(asked("/chat/completions"), COUNT);
  assert.ok(nodesThatSaid("a label was given") > 1, fleet.stderr);
  for (const client of nodes()) {
    const { usage, routes } = await client.executions.stats(run);
    const of = (name: string) => routes.find(({ route }) => route === name)?.adapters[0]?.usage;
    const cost = (COUNT * (12 * 10 + 3 * 100)) / 1_000_000;
    assert.deepEqual(
      { ...of("label"), cost: Math.round((of("label")?.cost ?? 0) * 1e9) / 1e9 },
      { requests: COUNT, cached: 0, input_tokens: COUNT * 12, output_tokens: COUNT * 3, cost },
    );
    assert.equal(of("embed")?.requests, asked("/embeddings"));
    assert.equal(of("embed")?.input_tokens, COUNT * 6);
    assert.equal(usage?.requests, model.requests.length);
  }
});

test("documents are in the collection, each once, on whichever node they were put there", { skip }, async () => {
  assert.ok(nodesThatSaid("a document was put there") > 1, fleet.stderr);
  for (const { search } of nodes()) {
    const { documents, vectors } = await search.collection("notches");
    assert.deepEqual([documents, vectors], [COUNT, COUNT]);
  }
});

test("a search answers the same on every node: by words, by vectors and by both", { skip }, async () => {
  const queries: SearchBody[] = [
    { collection: "notches", q: "wheel notch 7", mode: "keyword" },
    { collection: "notches", q: "notch 12", mode: "hybrid" },
    { collection: "notches", vector: vectorOf("The wheel has the notch 3", 64), mode: "vector", limit: 5 },
    { collection: "notches", q: "notch", mode: "keyword", filters: [{ field: "id", operator: "lt", value: 5 }] },
  ];
  for (const query of queries) {
    const answers = await Promise.all(
      nodes().map(async ({ search }) => {
        const { took_ms: _, ...answer } = await search.query(query);
        return answer;
      }),
    );
    assert.ok((answers[0]?.total ?? 0) > 0, JSON.stringify(query));
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
  }
  const [first] = (await fleet.client.search.find({ collection: "notches", q: "wheel notch 7" })).results;
  assert.equal(first?.id, "notch-7");
});

test("a collection that is deleted by way of one node is gone on all", { skip }, async () => {
  const [one, other] = nodes();
  await one?.search.deleteCollection("notches");
  await eventually(async () => assert.equal((await other?.search.collections())?.total, 0));
});
