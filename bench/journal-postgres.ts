/**
 * The append path of the store of many nodes, with one and two nodes, beside bare PostgreSQL with a row per event:
 * `npx node bench/journal-postgres.ts [--quick]`. TEST_POSTGRES_URL says on which server, by a user who may create
 * databases there.
 */
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { openPostgresStore } from "@millrace/stores";
import { Client } from "pg";
import {
  appendSteps,
  type BareGroup,
  createAll,
  EVENTS_PER_MESSAGE,
  groupsOf,
  IN_FLIGHT,
  makeWorkloads,
} from "./journal-append.ts";
import { machine } from "./machine.ts";
import { benchOptions } from "./options.ts";
import { printTable } from "./report.ts";

const SERVER = process.env.TEST_POSTGRES_URL ?? "postgres://postgres@127.0.0.1:5432/postgres";

/** What a writer's process is told to do. */
interface Task {
  readonly kind: "node" | "row per event";
  readonly url: string;
  readonly messages: number;
  readonly executions: number;
}

/** What it says of it: when it began and ended, in epoch ms, and how many transactions it was. */
interface Done {
  readonly from: number;
  readonly until: number;
  readonly groups: number;
}

if (process.send === undefined) await main();
else process.once("message", (task: Task) => void work(task));

async function main(): Promise<void> {
  const { quick } = benchOptions();
  const messages = quick ? 1_000 : 20_000;
  console.log(`${machine()}; the best of ${quick ? 1 : 3} rounds, in turn. Durable: each commit is flushed.\n`);
  const rows: string[][] = [];
  for (const executions of quick ? [10] : [1, 10, 200]) {
    for (const writers of [1, 2]) {
      for (const kind of ["node", "row per event"] as const) {
        let best = { messages: 0, groups: 0 };
        for (let round = 0; round < (quick ? 1 : 3); round += 1) {
          const rates = await measure(writers, { kind, messages: messages / writers, executions });
          if (rates.messages > best.messages) best = rates;
        }
        rows.push([
          kind === "node" ? "Millrace" : "bare PostgreSQL, a row per event",
          `${writers}`,
          `${executions * writers}`,
          show(best.groups),
          show(best.messages),
          show(best.messages * EVENTS_PER_MESSAGE),
        ]);
      }
    }
  }
  printTable(["", "writers", "executions at once", "groups/s", "messages/s", "events/s"], rows);
}

async function measure(writers: number, task: Omit<Task, "url">): Promise<{ messages: number; groups: number }> {
  const name = `millrace_bench_${randomBytes(4).toString("hex")}`;
  const url = new URL(SERVER);
  url.pathname = `/${name}`;
  await onServer(`CREATE DATABASE ${name}`);
  try {
    const done = await Promise.all(
      Array.from({ length: writers }, async () => {
        const child = fork(import.meta.filename, { stdio: "inherit" });
        child.send({ ...task, url: url.href } satisfies Task);
        // The child sends nothing else.
        const [answer] = (await once(child, "message")) as [Done];
        await once(child, "exit");
        return answer;
      }),
    );
    // As long as all of them write.
    const seconds = (Math.max(...done.map(({ until }) => until)) - Math.min(...done.map(({ from }) => from))) / 1000;
    const groups = done.reduce((sum, each) => sum + each.groups, 0);
    return { messages: (task.messages * writers) / seconds, groups: groups / seconds };
  } finally {
    await onServer(`DROP DATABASE ${name} WITH (FORCE)`);
  }
}

async function work(task: Task): Promise<void> {
  const done = task.kind === "node" ? await asNode(task) : await asPeer(task);
  process.send?.(done);
  process.disconnect?.();
}

async function asNode({ url, messages, executions }: Task): Promise<Done> {
  const store = await openPostgresStore({ url, name: "bench", version: "0.0.0", engine: true, leaseMs: 60_000 });
  const workloads = makeWorkloads(messages, executions);
  await createAll(store.records, workloads);
  let groups = 0;
  const own = new Set(workloads.map(({ executionId }) => executionId));
  store.journal.onCommit((entries) => {
    if (entries.some(({ executionId }) => own.has(executionId))) groups += 1;
  });
  const from = Date.now();
  await appendSteps(store.journal, workloads);
  const until = Date.now();
  await store.close();
  return { from, until, groups };
}

/** The peer's frames are encoded before its clock starts; it puts and removes the same rows of messages. */
async function asPeer({ url, messages, executions }: Task): Promise<Done> {
  const workloads = makeWorkloads(messages, executions);
  const groups = groupsOf(workloads, Math.max(1, Math.floor(IN_FLIGHT / workloads.length)), "event");
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query("SELECT pg_advisory_lock(1)");
  await client.query(
    "CREATE TABLE IF NOT EXISTS events (position bigserial PRIMARY KEY, execution_key bigint NOT NULL, frame text NOT NULL); CREATE INDEX IF NOT EXISTS by_execution ON events (execution_key, position); CREATE TABLE IF NOT EXISTS messages (writer bigint, seq bigint, execution_key bigint NOT NULL, id text NOT NULL, parent_id text, route text NOT NULL, payload text NOT NULL, hops bigint NOT NULL, PRIMARY KEY (writer, seq))",
  );
  await client.query("SELECT pg_advisory_unlock(1)");
  let seq = 0;
  const from = Date.now();
  for (const group of groups) {
    await client.query("BEGIN");
    await putGroup(client, group, seq);
    await client.query("COMMIT");
    seq += group.messages.length;
  }
  const until = Date.now();
  await client.end();
  return { from, until, groups: groups.length };
}

async function putGroup(client: Client, { rows, messages }: BareGroup, seq: number): Promise<void> {
  await client.query({
    name: "settle",
    text: "DELETE FROM messages WHERE writer = $1 AND seq > $2 AND seq <= $3",
    values: [process.pid, seq - messages.length, seq],
  });
  await client.query({
    name: "put",
    text: "INSERT INTO messages SELECT $1::bigint, * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[])",
    values: [
      process.pid,
      messages.map((_, index) => seq + index + 1),
      messages.map(({ key }) => key),
      messages.map(({ message }) => message.id),
      messages.map(({ message }) => message.parentId),
      messages.map(({ message }) => message.route),
      messages.map(({ message }) => message.payloadJson),
      messages.map(({ message }) => message.hops),
    ],
  });
  await client.query({
    name: "insert",
    text: "INSERT INTO events (execution_key, frame) SELECT * FROM unnest($1::bigint[], $2::text[])",
    values: [rows.map(({ key }) => key), rows.map(({ frames }) => frames.toString())],
  });
}

async function onServer(statement: string): Promise<void> {
  const client = new Client({ connectionString: SERVER });
  await client.connect();
  await client.query(statement);
  await client.end();
}

function show(value: number): string {
  return Math.round(value).toLocaleString("en");
}
