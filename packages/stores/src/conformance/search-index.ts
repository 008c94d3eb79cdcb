import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  CollectionSettings,
  SearchDocument,
  SearchFilter,
  SearchIndex,
  SearchIndexes,
  SearchQuery,
} from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";

/** A search index that a suite is run over. */
export interface SearchIndexUnderTest extends AsyncDisposable {
  readonly indexes: SearchIndexes;
  /** Closes it and opens it again over what is kept. */
  reopen(): Promise<void>;
}

const SETTINGS: CollectionSettings = { language: "english" };

const doc = (id: string, text: string, more: Partial<SearchDocument> = {}): SearchDocument => ({
  id,
  title: null,
  text,
  vector: null,
  metadata: {},
  executionId: "execution",
  messageId: `message of ${id}`,
  objectKey: null,
  ...more,
});

const words = (text: string, more: Partial<SearchQuery> = {}): SearchQuery => ({
  mode: "keyword",
  text,
  vector: null,
  filters: [],
  limit: 10,
  offset: 0,
  ...more,
});

const near = (vector: readonly number[], more: Partial<SearchQuery> = {}): SearchQuery => ({
  ...words("", more),
  mode: "vector",
  text: null,
  vector,
  ...more,
});

async function ids(index: SearchIndex, collection: string, query: SearchQuery): Promise<string[]> {
  return (await index.search(collection, query)).items.map(({ id }) => id);
}

const code = (expected: string) => (error: unknown) => error instanceof MillraceError && error.code === expected;

/** What every `SearchIndex` promises. Registers its tests under the name of the implementation. */
export function searchIndexConformance(name: string, openAll: () => Promise<SearchIndexUnderTest>): void {
  const open = async () => {
    const all = await openAll();
    return {
      /** Of one project, which has the others beside it. */
      get index(): SearchIndex {
        return all.indexes.inProject("one");
      },
      indexes: () => all.indexes,
      reopen: () => all.reopen(),
      [Symbol.asyncDispose]: () => all[Symbol.asyncDispose](),
    };
  };

  test(`${name}: a document is found by its words, with what else is known of it, also after it was opened again`, async () => {
    await using store = await open();
    await store.index.put("docs", SETTINGS, [
      doc("a", "A journal orders what happens.", {
        title: "Journals",
        metadata: { path: "a.md", size: 7, tags: ["x", "y"], draft: false, none: null },
        objectKey: "executions/e/r/s/a.json",
      }),
      doc("b", "Nothing of the kind."),
    ]);
    await store.reopen();
    const { total, items } = await store.index.search("docs", words("orders journal"));
    assert.equal(total, 1);
    const [hit] = items;
    assert.ok(hit !== undefined);
    const { score, updatedAt, snippet, ...rest } = hit;
    assert.deepEqual(rest, {
      id: "a",
      title: "Journals",
      keywordRank: 1,
      vectorRank: null,
      metadata: { path: "a.md", size: 7, tags: ["x", "y"], draft: false, none: null },
      executionId: "execution",
      messageId: "message of a",
      objectKey: "executions/e/r/s/a.json",
    });
    assert.ok(score > 0);
    assert.ok(Math.abs(Date.parse(updatedAt) - Date.now()) < 60_000);
    assert.deepEqual(
      snippet.highlights.map(([start, end]) => snippet.text.slice(start, end).toLowerCase()),
      ["journal", "orders"],
    );
  });

  test(`${name}: English endings make no difference, and in a collection of any language they do`, async () => {
    await using store = await open();
    await store.index.put("english", SETTINGS, [doc("a", "The mill was running.")]);
    await store.index.put("any", { language: "any" }, [doc("a", "The mill was running.")]);
    assert.deepEqual(await ids(store.index, "english", words("runs")), ["a"]);
    assert.deepEqual(await ids(store.index, "any", words("runs")), []);
    assert.deepEqual(await ids(store.index, "any", words("RUNNING")), ["a"]);
  });

  test(`${name}: phrases, words that must not be there and beginnings of words are understood`, async () => {
    await using store = await open();
    await store.index.put("docs", SETTINGS, [
      doc("a", "red water wheel"),
      doc("b", "water on a red wheel"),
      doc("c", "waterproof"),
    ]);
    assert.deepEqual((await ids(store.index, "docs", words("water wheel"))).sort(), ["a", "b"]);
    assert.deepEqual(await ids(store.index, "docs", words('"water wheel"')), ["a"]);
    assert.deepEqual(await ids(store.index, "docs", words('wheel -"water wheel"')), ["b"]);
    assert.deepEqual((await ids(store.index, "docs", words("water*"))).sort(), ["a", "b", "c"]);
  });

  test(`${name}: where no document has all the words, those with any of them are found, and it says so`, async () => {
    await using store = await open();
    await store.index.put("docs", SETTINGS, [doc("a", "red wheel"), doc("b", "blue boat"), doc("c", "stone")]);
    const all = await store.index.search("docs", words("red wheel"));
    assert.deepEqual([all.matched, all.total], ["all", 1]);
    const any = await store.index.search("docs", words("red boat"));
    assert.deepEqual([any.matched, any.items.map(({ id }) => id).sort()], ["any", ["a", "b"]]);
  });

  test(`${name}: each document has the snippet of its own text, with what was found in it`, async () => {
    await using store = await open();
    await store.index.put("docs", SETTINGS, [
      doc("a", "red wheel", { vector: [1, 0] }),
      doc("b", "blue wheel of wood", { vector: [1, 1] }),
      doc("c", "stone", { title: "A wheel", vector: [0, 1] }),
      doc("d", `${"before ".repeat(300)} the wheel ${"after ".repeat(300)}`, { vector: [0, 1] }),
    ]);
    for (const query of [words("wheel"), { ...words("wheel"), mode: "hybrid" as const, vector: [1, 0] }]) {
      const { items } = await store.index.search("docs", query);
      assert.equal(items.length, 4);
      const shown = new Map(items.map(({ id, snippet }) => [id, snippet]));
      assert.equal(shown.get("a")?.text, "red wheel");
      assert.equal(shown.get("b")?.text, "blue wheel of wood");
      assert.deepEqual(shown.get("b")?.highlights, [[5, 10]]);
      assert.deepEqual(shown.get("c"), { text: "stone", highlights: [] });
      const long = shown.get("d");
      assert.ok(long !== undefined && long.text.length < 600);
      assert.deepEqual(
        long.highlights.map(([start, end]) => long.text.slice(start, end)),
        ["wheel"],
      );
    }
  });

  test(`${name}: whatever is typed is no error, and text without a letter finds nothing`, async () => {
    await using store = await open();
    await store.index.put("docs", SETTINGS, [doc("a", 'NEAR AND OR NOT "quotes" a* (b) c:d ^x -- it\'s')]);
    for (const typed of ["", " ", "& | !", "-", '"', '""', "*", "-a", "()", "\u0000", "'", "\\"])
      assert.deepEqual(await ids(store.index, "docs", words(typed)), [], JSON.stringify(typed));
    for (const typed of [
      "NEAR",
      "AND",
      "OR",
      "NOT",
      '"quotes',
      "(b)",
      "c:d",
      "^x",
      "a'); DROP TABLE documents; --",
      "it's",
      "near:(",
    ])
      assert.deepEqual(await ids(store.index, "docs", words(typed)), ["a"], JSON.stringify(typed));
  });

  test(`${name}: a document of the same id replaces the one before, and what only that had is not found any more`, async () => {
    await using store = await open();
    await store.index.put("docs", SETTINGS, [doc("a", "old words", { vector: [1, 0], metadata: { v: 1 } })]);
    await store.index.put("docs", SETTINGS, [doc("a", "new words", { metadata: { v: 2 } })]);
    await store.index.put("docs", SETTINGS, [doc("b", "first", {}), doc("b", "second", {})]);
    assert.deepEqual(await ids(store.index, "docs", words("old")), []);
    assert.deepEqual(await ids(store.index, "docs", words("first")), []);
    assert.deepEqual(await ids(store.index, "docs", near([1, 0])), []);
    const { items } = await store.index.search("docs", words("words"));
    assert.deepEqual(
      items.map(({ id, metadata }) => [id, metadata]),
      [["a", { v: 2 }]],
    );
    const collection = await store.index.collection("docs");
    assert.deepEqual([collection?.documents, collection?.vectors], [2, 0]);
  });

  test(`${name}: the same documents put again change nothing, as a step that is done again does`, async () => {
    await using store = await open();
    const documents = Array.from({ length: 50 }, (_, index) =>
      doc(`d${index}`, `word${index} common`, { vector: [index + 1, 1] }),
    );
    await store.index.put("docs", SETTINGS, documents);
    const before = await store.index.search("docs", words("common", { limit: 50 }));
    await store.index.put("docs", SETTINGS, documents);
    const after = await store.index.search("docs", words("common", { limit: 50 }));
    const shown = (page: typeof before) => page.items.map(({ id, score }) => [id, score.toFixed(6)]);
    assert.deepEqual(shown(after), shown(before));
    assert.equal((await store.index.collection("docs"))?.documents, 50);
  });

  test(`${name}: the nearest vectors come first, whatever their length, and the score is the cosine`, async () => {
    await using store = await open();
    await store.index.put("docs", SETTINGS, [
      doc("east", "e", { vector: [10, 0, 0] }),
      doc("north", "n", { vector: [0, 1, 0] }),
      doc("between", "b", { vector: [3, 3, 0] }),
      doc("west", "w", { vector: [-1, 0, 0] }),
      doc("none", "no vector"),
    ]);
    const { total, items } = await store.index.search("docs", near([2, 0, 0]));
    assert.equal(total, 4);
    assert.deepEqual(
      items.map(({ id, vectorRank, keywordRank }) => [id, vectorRank, keywordRank]),
      [
        ["east", 1, null],
        ["between", 2, null],
        ["north", 3, null],
        ["west", 4, null],
      ],
    );
    for (const [index, cosine] of [1, Math.SQRT1_2, 0, -1].entries())
      assert.ok(Math.abs((items[index]?.score ?? Number.NaN) - cosine) < 1e-6, `${index}`);
    assert.deepEqual(items[0]?.snippet, { text: "e", highlights: [] });
  });

  test(`${name}: a vector of other dimensions, or without a direction, is refused, and nothing of its group is there`, async () => {
    await using store = await open();
    await store.index.put("docs", SETTINGS, [doc("a", "a", { vector: [1, 2] })]);
    for (const vector of [[1], [1, 2, 3], [0, 0], [Number.NaN, 1], [1e300, 1]])
      await assert.rejects(
        store.index.put("docs", SETTINGS, [doc("b", "b"), doc("c", "c", { vector })]),
        code("VECTOR_INVALID"),
        String(vector),
      );
    await assert.rejects(
      store.index.put("new", SETTINGS, [doc("b", "b", { vector: [1] }), doc("c", "c", { vector: [1, 2] })]),
      code("VECTOR_INVALID"),
    );
    assert.equal((await store.index.collection("docs"))?.documents, 1);
    assert.equal(await store.index.collection("new"), null);
    await assert.rejects(store.index.search("docs", near([1])), code("VECTOR_INVALID"));
    await assert.rejects(store.index.search("docs", near([0, 0])), code("VECTOR_INVALID"));
  });

  test(`${name}: hybrid merges both lists by their places, and finds what only one of them has`, async () => {
    await using store = await open();
    await store.index.put("docs", SETTINGS, [
      doc("both", "water wheel", { vector: [1, 0.1] }),
      doc("words", "water wheel and more of it", { vector: [-1, 0] }),
      doc("vector", "nothing alike", { vector: [1, 0] }),
    ]);
    const query: SearchQuery = { ...words("water wheel"), mode: "hybrid", vector: [1, 0] };
    const { items, total } = await store.index.search("docs", query);
    assert.equal(total, 3);
    assert.deepEqual(
      items.map(({ id, keywordRank, vectorRank }) => [id, keywordRank, vectorRank]),
      [
        ["both", 1, 2],
        ["words", 2, 3],
        ["vector", null, 1],
      ],
    );
    assert.ok(Math.abs((items[0]?.score ?? 0) - (1 / 61 + 1 / 62)) < 1e-9);
    const second = await store.index.search("docs", { ...query, limit: 1, offset: 1 });
    assert.deepEqual([second.total, second.items.map(({ id }) => id)], [3, ["words"]]);
  });

  test(`${name}: filters compare texts, numbers, truth values and lists, by words and by vector alike`, async () => {
    await using store = await open();
    const of = (id: string, metadata: SearchDocument["metadata"]) =>
      doc(id, "thing", { metadata, vector: [1, id.length] });
    await store.index.put("docs", SETTINGS, [
      of("a", { lang: "en", year: 2024, tags: ["x", "y"], draft: true, at: "2024-05-01" }),
      of("bb", { lang: "de", year: 2025, tags: ["y"], draft: false, at: "2025-01-01" }),
      of("ccc", { lang: "fr", year: 2026, tags: [], "odd name.\"'$": 1 }),
    ]);
    const cases: [SearchFilter[], string[]][] = [
      [[{ field: "lang", operator: "eq", value: "en" }], ["a"]],
      [
        [
          { field: "lang", operator: "eq", value: "en" },
          { field: "lang", operator: "eq", value: "de" },
        ],
        ["a", "bb"],
      ],
      [[{ field: "lang", operator: "ne", value: "en" }], ["bb", "ccc"]],
      [[{ field: "year", operator: "eq", value: "2025" }], ["bb"]],
      [[{ field: "year", operator: "eq", value: 2025 }], ["bb"]],
      [
        [
          { field: "year", operator: "gt", value: "2024" },
          { field: "year", operator: "le", value: 2026 },
        ],
        ["bb", "ccc"],
      ],
      [
        [
          { field: "year", operator: "ge", value: "2025" },
          { field: "year", operator: "lt", value: "2026" },
        ],
        ["bb"],
      ],
      [[{ field: "at", operator: "lt", value: "2024-12-31" }], ["a"]],
      [[{ field: "tags", operator: "eq", value: "y" }], ["a", "bb"]],
      [[{ field: "tags", operator: "ne", value: "x" }], ["bb", "ccc"]],
      [[{ field: "draft", operator: "eq", value: "true" }], ["a"]],
      [[{ field: "draft", operator: "eq", value: false }], ["bb"]],
      [[{ field: "odd name.\"'$", operator: "eq", value: "1" }], ["ccc"]],
      [[{ field: "none", operator: "eq", value: "1" }], []],
      [[{ field: "none", operator: "ne", value: "1" }], ["a", "bb", "ccc"]],
    ];
    for (const [filters, expected] of cases) {
      const label = JSON.stringify(filters);
      assert.deepEqual((await ids(store.index, "docs", words("thing", { filters }))).sort(), expected, label);
      assert.deepEqual((await ids(store.index, "docs", near([1, 1], { filters }))).sort(), expected, label);
    }
  });

  test(`${name}: pages follow each other without a gap, and the total is that of all`, async () => {
    await using store = await open();
    const documents = Array.from({ length: 25 }, (_, n) => doc(`d${n}`, `wheel ${"x ".repeat(n)}`, { vector: [1, n] }));
    await store.index.put("docs", SETTINGS, documents);
    for (const query of [words("wheel"), near([1, 0])]) {
      const seen: string[] = [];
      for (let offset = 0; offset < 30; offset += 10) {
        const page = await store.index.search("docs", { ...query, limit: 10, offset });
        assert.equal(page.total, 25);
        seen.push(...page.items.map(({ id }) => id));
      }
      assert.equal(new Set(seen).size, 25, query.mode);
    }
  });

  test(`${name}: collections are listed by name with what they hold, and are apart from each other`, async () => {
    await using store = await open();
    const embedding = {
      baseUrl: "http://127.0.0.1:1/v1",
      model: "m",
      apiKeyEnv: "KEY",
      dimensions: null,
      queryPrefix: "",
    };
    await store.index.put("b", { language: "any", embedding }, [doc("1", "same", { vector: [1, 2, 3] })]);
    await store.index.put("a", SETTINGS, [doc("1", "same"), doc("2", "other")]);
    const { total, items } = await store.index.collections({ limit: 10, offset: 0 });
    assert.equal(total, 2);
    assert.deepEqual(
      items.map(({ createdAt, updatedAt, ...rest }) => rest),
      [
        { name: "a", project: "one", language: "english", embedding: null, documents: 2, vectors: 0, dimensions: null },
        { name: "b", project: "one", language: "any", embedding, documents: 1, vectors: 1, dimensions: 3 },
      ],
    );
    assert.deepEqual(
      (await store.index.collections({ limit: 1, offset: 1 })).items.map((one) => one.name),
      ["b"],
    );
    assert.equal((await store.index.search("a", words("same"))).total, 1);
    await store.index.put("b", { language: "any" }, []);
    assert.deepEqual((await store.index.collection("b"))?.embedding, embedding, "left as it was");
    await store.index.put("b", { language: "any", embedding: null }, []);
    assert.equal((await store.index.collection("b"))?.embedding, null);
    await assert.rejects(store.index.put("b", SETTINGS, [doc("x", "x")]), code("COLLECTION_MISMATCH"));
  });

  test(`${name}: each project has collections of its own, and who sees all finds a name that is one's alone`, async () => {
    await using store = await open();
    const within = (project: string | null) => store.indexes().inProject(project);
    await within("one").put("docs", SETTINGS, [doc("1", "same one")]);
    await within("two").put("docs", { language: "any" }, [doc("1", "same two"), doc("2", "same")]);
    await within("two").put("own", SETTINGS, [doc("1", "same two")]);
    const listed = async (project: string | null) =>
      (await within(project).collections({ limit: 10, offset: 0 })).items.map((one) => `${one.project}/${one.name}`);
    assert.deepEqual(await listed("one"), ["one/docs"]);
    assert.deepEqual(await listed("two"), ["two/docs", "two/own"]);
    assert.deepEqual(await listed("default"), []);
    assert.deepEqual(await listed(null), ["one/docs", "two/docs", "two/own"]);
    assert.deepEqual(
      [...(await store.indexes().countByProject(null))],
      [
        ["one", 1],
        ["two", 2],
      ],
    );
    assert.deepEqual([...(await store.indexes().countByProject("two"))], [["two", 2]]);
    assert.equal((await within("one").search("docs", words("same"))).total, 1);
    await assert.rejects(within("one").search("own", words("same")), code("COLLECTION_NOT_FOUND"));
    assert.equal(await within("one").collection("own"), null);
    assert.equal(await within("one").fields("own"), null);
    assert.equal(await within("one").deleteCollection("own"), false);
    assert.equal((await within(null).collection("own"))?.project, "two");
    assert.equal(await within(null).collection("docs"), null, "two have it");
    await within("default").put("docs", SETTINGS, [doc("1", "same")]);
    assert.equal((await within(null).collection("docs"))?.project, "default");
    assert.deepEqual(await listed("default"), ["default/docs"]);
    await assert.rejects(within("two").put("docs", SETTINGS, []), (error) => {
      assert.match(String(error), /"docs"/, "it is named as it was asked for");
      return code("COLLECTION_MISMATCH")(error);
    });
  });

  test(`${name}: what there is to filter by is told with its most frequent values`, async () => {
    await using store = await open();
    await store.index.put("docs", SETTINGS, [
      doc("a", "a", { metadata: { lang: "en", tags: ["x", "y"], ok: true, none: null } }),
      doc("b", "b", { metadata: { lang: "en", tags: ["x"], n: 1.5 } }),
      doc("c", "c", { metadata: { lang: "de" } }),
    ]);
    assert.deepEqual(await store.index.fields("docs"), [
      {
        field: "lang",
        values: [
          { value: "en", count: 2 },
          { value: "de", count: 1 },
        ],
      },
      { field: "n", values: [{ value: 1.5, count: 1 }] },
      { field: "ok", values: [{ value: true, count: 1 }] },
      {
        field: "tags",
        values: [
          { value: "x", count: 2 },
          { value: "y", count: 1 },
        ],
      },
    ]);
    assert.equal(await store.index.fields("none"), null);
  });

  test(`${name}: a deleted collection is gone with its documents, and its name is free`, async () => {
    await using store = await open();
    await store.index.put("docs", SETTINGS, [doc("a", "gone", { vector: [1, 2] })]);
    assert.equal(await store.index.deleteCollection("docs"), true);
    assert.equal(await store.index.deleteCollection("docs"), false);
    assert.equal(await store.index.collection("docs"), null);
    await assert.rejects(store.index.search("docs", words("gone")), code("COLLECTION_NOT_FOUND"));
    await store.index.put("docs", { language: "any" }, [doc("b", "there", { vector: [1, 2, 3] })]);
    assert.deepEqual(await ids(store.index, "docs", words("gone")), []);
    assert.deepEqual(await ids(store.index, "docs", words("there")), ["b"]);
  });

  test(`${name}: documents that are put at the same time, also into a collection that is only being made, are all there`, async () => {
    await using store = await open();
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        store.index.put("docs", SETTINGS, [doc(`d${n}`, "wheel", { vector: [n + 1, 1] }), doc("same", "wheel")]),
      ),
    );
    assert.equal((await store.index.collection("docs"))?.documents, 21);
    assert.equal((await store.index.search("docs", words("wheel"))).total, 21);
  });
}
