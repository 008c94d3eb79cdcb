/**
 * How long lists take of a service on PostgreSQL that has many executions, and how many objects and executions it takes a
 * second: `npx node bench/postgres-lists.ts [--quick]`, on the server of TEST_POSTGRES_URL. Lists are measured when the
 * table was vacuumed, and once more when a tenth of its rows has changed since.
 */
import type { ExecutionFilter } from "@millrace/engine";
import { newExecution, newMessage } from "../packages/stores/src/conformance/store-under-test.ts";
import { Session } from "../packages/stores/src/postgres/connection.ts";
import { PostgresObjectStore } from "../packages/stores/src/postgres/objects/object-store.ts";
import { openNode } from "../packages/stores/src/postgres/temporary-store.ts";
import { emptyDatabase, onDatabase } from "../packages/stores/src/support/postgres.ts";
import { machine } from "./machine.ts";
import { benchOptions } from "./options.ts";
import { median, printTable } from "./report.ts";

const { quick } = benchOptions();
const EXECUTIONS = quick ? 1_000 : 100_000;
const OBJECTS = quick ? 20 : 2_000;
const LARGE_BYTES = (quick ? 1 : 64) * 1024 * 1024;
const RUNS = quick ? 1 : 5;

const FILTERS: Readonly<Record<string, Partial<ExecutionFilter>>> = {
  "the newest": {},
  "the last page": { offset: EXECUTIONS - 50 },
  "those that run": { statuses: ["running"] },
  "those that completed": { statuses: ["completed"] },
  "of a config": { configId: "config-3" },
  "of a tag's beginning": { tagPrefix: "nightly-9" },
  "of a day": { startedAfter: "2026-02-01T00:00:00Z", startedBefore: "2026-02-02T00:00:00Z" },
  "with a word that a third has": { words: ["nightly"] },
  "with a word that nobody has": { words: ["nothing"] },
};

/** Executions of a pipeline of some kilobytes each, a minute apart. */
const FILL = `INSERT INTO executions (id, config_id, searched, status, started_at, completed_at, tag, config_snapshot, config_listed, root_correlation_id, metadata, progress)
  SELECT gen_random_uuid()::text, 'config-' || n % 20, lower(coalesce(tag, '') || E'\\n' || name), CASE WHEN n > ${EXECUTIONS - 50} THEN 'running' WHEN n % 10 = 0 THEN 'failed' ELSE 'completed' END,
    at, at, tag, (SELECT string_agg(md5((n * part)::text), ' ') FROM generate_series(1, 100) AS part), '{"name":"' || name || '"}', gen_random_uuid()::text, '{}',
    (SELECT string_agg(md5((n + part)::text), ' ') FROM generate_series(1, 30) AS part)
  FROM (SELECT n, to_char(timestamp '2026-01-01' + n * interval '1 minute', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at,
    CASE WHEN n % 3 = 0 THEN 'nightly-' || n END AS tag, 'Pipeline number ' || n % 20 AS name FROM generate_series(1, ${EXECUTIONS}) AS n) AS made`;

await using database = await emptyDatabase();
const node = await openNode(database.url);
console.log(`${machine()}; PostgreSQL beside it.\n`);

await onDatabase(database.url, FILL, "VACUUM ANALYZE executions");
const vacuumed = await lists();
await onDatabase(database.url, "UPDATE executions SET bytes = 1 WHERE key % 10 = 0");
const changed = await lists();
printTable(
  [`of ${EXECUTIONS.toLocaleString("en")} executions, a page of 50 and how many there are`, "ms", "ms, changed since"],
  Object.keys(FILTERS).map((name, index) => [name, vacuumed[index] ?? "", changed[index] ?? ""]),
);

const session = new Session(
  { url: database.url, name: "millrace bench" },
  { setup: "SET statement_timeout = '30s'", timeoutMs: 40_000 },
);
const objects = new PostgresObjectStore(node.database, session);
const metadata = { contentType: "text/plain", createdAt: new Date().toISOString() };
const [small, large] = [Buffer.alloc(4_000, "x"), Buffer.alloc(LARGE_BYTES, "y")];
const read = async (key: string) => {
  const object = await objects.open(key);
  if (object !== null) for await (const _ of object.read({ start: 0, end: object.size - 1 }));
};
console.log();
printTable(
  ["", "a second"],
  [
    ["objects of 4 kB written, one at a time", await rate(1, (index) => objects.put(`a/b/${index}`, small, metadata))],
    ["eight at a time", await rate(8, (index) => objects.put(`a/c/${index}`, small, metadata))],
    ["read, eight at a time", await rate(8, (index) => read(`a/c/${index}`))],
    ["MiB of a large one written", await megabytes(() => objects.put("a/large", large, metadata))],
    ["MiB of a large one read", await megabytes(() => read("a/large"))],
    ["executions created, 50 at a time", await rate(50, () => create({}))],
    ["with a bound for all nodes", await rate(50, () => create({ maxUnfinished: Number.MAX_SAFE_INTEGER }))],
  ],
);
await objects.close();
await node.close();

function create(options: { maxUnfinished?: number }): Promise<unknown> {
  return node.records.createExecution(newExecution(), newMessage(), options);
}

async function lists(): Promise<string[]> {
  const times: string[] = [];
  for (const filter of Object.values(FILTERS)) {
    const ms = await median(RUNS, async () => {
      const start = performance.now();
      await node.records.listExecutions({ sortOrder: "desc", limit: 50, offset: 0, ...filter });
      return performance.now() - start;
    });
    times.push(ms.toFixed(1));
  }
  return times;
}

async function rate(atOnce: number, work: (index: number) => Promise<unknown>): Promise<string> {
  const start = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < OBJECTS) {
      next += 1;
      await work(next - 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return Math.round(OBJECTS / ((performance.now() - start) / 1_000)).toLocaleString("en");
}

async function megabytes(work: () => Promise<unknown>): Promise<string> {
  const start = performance.now();
  await work();
  return (LARGE_BYTES / 1024 / 1024 / ((performance.now() - start) / 1_000)).toFixed(0);
}
