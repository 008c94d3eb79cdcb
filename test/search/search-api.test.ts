import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ApiError } from "@millrace/client";
import { FakeModel, vectorOf } from "../../packages/adapters/src/testing/fake-model.ts";
import { millrace } from "../support/command.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { millPipeline } from "./search-pipelines.ts";

const CANARY = "sk-canary-4b1e77aa";
process.env.TEST_MODEL_KEY = CANARY;

let model: FakeModel;
let service: ServiceProcess;
let execution: string;

before(async () => {
  model = await FakeModel.start({ dimensions: 64 });
  service = await ServiceProcess.start(["--log-level", "debug", "--http-allow-hosts", "127.0.0.1"]);
  const { client } = service;
  const { id } = await client.configs.create({ name: "mill", config_yaml: millPipeline(model.url) });
  execution = (await client.configs.run(id, { tag: "milling" })).id;
  assert.equal((await client.executions.wait(execution)).status, "completed");
});
after(async () => {
  await service[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
});

const refusal = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ApiError);
  return error;
};

test("what a pipeline has put into a collection is found by its words, with where it comes from", async () => {
  const page = await service.client.search.find({ collection: "mill", q: "turning stones", mode: "keyword" });
  assert.deepEqual([page.total, page.mode, page.matched, page.has_more], [1, "keyword", "all", false]);
  const [result] = page.results;
  assert.ok(result !== undefined);
  assert.partialDeepStrictEqual(result, {
    id: "stone",
    title: "The stone",
    keyword_rank: 1,
    vector_rank: null,
    metadata: { path: "stone", year: 1790, tags: ["stone"] },
    execution_id: execution,
    object_key: `executions/${execution}/keep/documents/stone.json`,
  });
  const { text, highlights } = result.snippet;
  assert.deepEqual(
    highlights.map(([start, end]) => text.slice(start, end)),
    ["stones", "turning"],
  );
  const object = await service.client.storage.metadata(result.object_key ?? "");
  assert.equal(object.execution_id, execution);
  const { correlation_id: message } = await service.client.lineage.get(result.message_id);
  assert.equal(message, result.message_id);
});

test("without a mode words and vectors are merged, where the collection has a model to search by", async () => {
  const page = await service.client.search.find({ collection: "mill", q: "water falls" });
  assert.equal(page.mode, "hybrid");
  assert.equal(page.total, 3);
  assert.deepEqual([page.results[0]?.id, page.results[0]?.keyword_rank, page.results[0]?.vector_rank], ["wheel", 1, 1]);
  const asked = model.requests.length;
  await service.client.search.find({ collection: "mill", q: "water falls", offset: 1 });
  assert.equal(model.requests.length, asked, "what is searched for again is not embedded again");
  assert.equal(model.requests.at(-1)?.headers.authorization, `Bearer ${CANARY}`);
});

test("a search may bring its vector, filters by metadata, and pages", async () => {
  const { search } = service.client;
  const vector = vectorOf("miller sixteenth", 64);
  const near = await search.query({ collection: "mill", vector, limit: 1 });
  assert.deepEqual([near.mode, near.results[0]?.id, near.total, near.has_more], ["vector", "miller", 3, true]);
  const filtered = await search.query({
    collection: "mill",
    vector,
    filters: [{ field: "year", operator: "lt", value: 1800 }],
  });
  assert.deepEqual(
    filtered.results.map(({ id }) => id),
    ["stone"],
  );
  const both = await search.find({
    collection: "mill",
    q: "the",
    mode: "keyword",
    filter: ["year:1820", "tags:water"],
  });
  assert.deepEqual(
    both.results.map(({ id }) => id),
    ["wheel"],
  );
  const later = await search.find({ collection: "mill", q: "the", mode: "keyword", filter: ["year>=1800"] });
  assert.deepEqual(later.results.map(({ id }) => id).sort(), ["miller", "wheel"]);
});

test("collections are listed and described with what there is to filter by", async () => {
  const { collections, total } = await service.client.search.collections();
  assert.equal(total, 1);
  assert.partialDeepStrictEqual(collections[0] ?? {}, {
    name: "mill",
    language: "english",
    documents: 3,
    vectors: 3,
    dimensions: 64,
    embedding: { base_url: model.url, model: "test-embed", dimensions: null },
  });
  const { fields } = await service.client.search.collection("mill");
  assert.deepEqual(fields.find(({ field }) => field === "year")?.values, [
    { value: 1820, count: 2 },
    { value: 1790, count: 1 },
  ]);
});

test("the run's statistics say what was used of the model, per adapter and in all", async () => {
  const stats = await service.client.executions.stats(execution);
  const tokens = 8 + 11 + 9;
  const used = { requests: 1, cached: 0, input_tokens: tokens, output_tokens: 0, cost: (tokens * 2) / 1_000_000 };
  assert.deepEqual(stats.usage, used);
  assert.deepEqual(stats.routes.find(({ route }) => route === "embed")?.adapters[0]?.usage, used);
  assert.equal(stats.routes.find(({ route }) => route === "keep")?.adapters[0]?.usage, null);
});

test("the same run again asks the model for nothing, and leaves the collection as it was", async () => {
  const { client } = service;
  const asked = model.requests.length;
  const { id } = await client.configs.find("mill");
  const again = await client.configs.run(id);
  await client.executions.wait(again.id);
  assert.equal(model.requests.length, asked);
  assert.deepEqual((await client.executions.stats(again.id)).usage, {
    requests: 0,
    cached: 3,
    input_tokens: 0,
    output_tokens: 0,
    cost: 0,
  });
  assert.equal((await client.search.collection("mill")).documents, 3);
});

test("the model's key is nowhere that anybody can read", async () => {
  const { client } = service;
  const events: unknown[] = [];
  for await (const event of client.executions.events(execution)) events.push(event);
  const shown = [
    events,
    await client.executions.get(execution),
    await client.lineage.list({ execution_id: execution }),
    await client.search.collection("mill"),
    await client.configs.get((await client.configs.find("mill")).id),
  ];
  assert.ok(JSON.stringify(shown).includes("TEST_MODEL_KEY"));
  assert.ok(!JSON.stringify(shown).includes(CANARY));
  assert.ok(!service.stderr.includes(CANARY));
});

test("what cannot be searched says why, and what to do", async () => {
  const { client } = service;
  const none = await refusal(client.search.find({ collection: "none", q: "x" }));
  assert.deepEqual([none.status, none.code], [404, "COLLECTION_NOT_FOUND"]);
  const wrong = await refusal(client.search.query({ collection: "mill", vector: [1, 2] }));
  assert.deepEqual([wrong.status, wrong.code], [400, "VECTOR_INVALID"]);
  const nothing = await refusal(client.search.query({ collection: "mill", mode: "vector" }));
  assert.deepEqual([nothing.status, nothing.code], [400, "SEARCH_NOT_POSSIBLE"]);
  const words = await refusal(client.search.query({ collection: "mill", mode: "keyword", vector: [1] }));
  assert.equal(words.code, "SEARCH_NOT_POSSIBLE");
  for (const query of [
    "collection=mill",
    "q=x",
    "collection=a/b&q=x",
    "collection=mill&q=x&limit=0",
    "collection=mill&q=x&mode=all",
    "collection=mill&q=x&filter=year",
  ]) {
    const response = await fetch(`${service.url}/api/v1/search?${query}`);
    assert.equal(response.status, 422, query);
    const body = JSON.stringify(await response.json());
    assert.match(body, /"loc":\["query",/, query);
  }
});

test("a collection is searched, listed and deleted from the command line", async () => {
  const at = (...args: string[]) => millrace(args, { env: { MILLRACE_URL: service.url } });
  const found = await at("search", "mill", "turning", "stones", "--mode", "keyword");
  assert.equal(found.code, 0, found.stderr);
  assert.match(found.stdout, /^1\. The stone\n {3}stone\n {3}Two stones grind the corn/);
  assert.match(found.stderr, /^1 to 1 of 1, by words, in [\d.]+ ms\.$/m);
  const json = JSON.parse(
    (await at("search", "mill", "the", "--filter", "year:1820", "--limit", "1", "--json")).stdout,
  );
  assert.deepEqual([json.limit, json.results.length], [1, 1]);
  assert.match((await at("search", "mill", "nothingatall", "--mode", "keyword")).stderr, /^Nothing was found\.$/m);
  assert.match((await at("collections", "list")).stdout, /^ +3 +3 +64 +english .* mill$/m);
  assert.match((await at("collections", "show", "mill")).stdout, /^field year: 1820 \(2\), 1790 \(1\)$/m);
  assert.equal((await at("search", "none", "x")).code, 4);
  assert.equal((await at("search", "mill", "x", "--limit", "0")).code, 2);
  assert.equal((await at("collections", "delete", "mill")).code, 0);
  assert.equal((await at("collections", "delete", "mill")).code, 4);
});

test("a collection without vectors is searched by words, and by vector only where it can be", async () => {
  const { client } = service;
  const { id } = await client.configs.create({ name: "plain", config_yaml: millPipeline(null) });
  const { id: run } = await client.configs.run(id);
  await client.executions.wait(run);
  const page = await client.search.find({ collection: "mill", q: "grinding" });
  assert.deepEqual([page.mode, page.results.map((each) => each.id)], ["keyword", ["stone"]]);
  const refused = await refusal(client.search.find({ collection: "mill", q: "x", mode: "hybrid" }));
  assert.equal(refused.code, "SEARCH_NOT_POSSIBLE");
  assert.match(refused.message, /Set embedding where documents are put into it/);
});

test("neither a run nor a search asks a model at an address that the service's operator has not allowed", async () => {
  // One collection, whose model is asked by a name that is allowed, and by an address that is not.
  await using strict = await ServiceProcess.start(["--http-allow-hosts", "localhost"]);
  const { client } = strict;
  const start = async (url: string) => {
    const { id } = await client.configs.create({ config_yaml: millPipeline(url) });
    const run = await client.configs.run(id);
    return client.executions.wait(run.id);
  };
  const asked = model.requests.length;
  const refused = await start(model.url);
  assert.equal(refused.status, "failed");
  const [failure] = (await client.executions.failures(refused.execution_id)).failures;
  assert.match(JSON.stringify(failure), /HTTP_ADDRESS_REFUSED.*127\.0\.0\.1.*http_allow_hosts/);
  assert.equal(model.requests.length, asked);

  const named = model.url.replace("127.0.0.1", "localhost");
  const half = millPipeline(named).replace(/(collection: mill.*base_url: )"[^"]*"/, `$1"${model.url}"`);
  const { id } = await client.configs.create({ config_yaml: half });
  assert.equal((await client.executions.wait((await client.configs.run(id)).id)).status, "completed");
  const error = await refusal(client.search.find({ collection: "mill", q: "stones" }));
  assert.deepEqual([error.status, error.code], [503, "EMBEDDING_UNAVAILABLE"]);
  assert.match(error.message, /http_allow_hosts.*Use the mode keyword\.$/);
});

test("a search whose model does not answer says so, and by words it goes on", async () => {
  const { client } = service;
  await client.search.deleteCollection("mill");
  const failing = await FakeModel.start({ dimensions: 64 });
  const { id } = await client.configs.create({ name: "failing", config_yaml: millPipeline(failing.url) });
  const { id: run } = await client.configs.run(id);
  await client.executions.wait(run);
  await failing[Symbol.asyncDispose]();
  const refused = await refusal(client.search.find({ collection: "mill", q: "stones" }));
  assert.deepEqual([refused.status, refused.code], [503, "EMBEDDING_UNAVAILABLE"]);
  assert.match(refused.message, /cannot be reached.*mode keyword\.$/);
  assert.equal((await client.search.find({ collection: "mill", q: "stones", mode: "keyword" })).total, 1);
});
