import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, createClient } from "@millrace/client";
import type { EndData, WaitResult } from "@millrace/protocol";

/** A client whose requests are answered in turn by these; what was asked is noted. */
function answered(...answers: readonly (() => Response)[]) {
  const asked: { url: string; body: unknown; cursor: string | null }[] = [];
  const client = createClient({
    baseUrl: "http://service",
    fetch: async (url, init) => {
      asked.push({
        url: String(url),
        body: typeof init?.body === "string" ? JSON.parse(init.body) : null,
        cursor: new Headers(init?.headers).get("last-event-id"),
      });
      const answer = answers[asked.length - 1];
      if (answer === undefined) throw new Error("one request too many");
      return answer();
    },
  });
  return { client, asked };
}

function waited(completed: boolean): () => Response {
  // The fields that a wait looks at.
  return () => Response.json({ completed, status: completed ? "completed" : "running" } satisfies Partial<WaitResult>);
}

test("a wait that is longer than a fetch may take is asked for in parts, and ends with the run", async () => {
  const there = () => Response.json({});
  const all = answered(there, waited(false), waited(false), waited(false));
  assert.equal((await all.client.executions.wait("a", 600)).completed, false);
  assert.deepEqual(
    all.asked.slice(1).map(({ body }) => body),
    [{ timeout: 240 }, { timeout: 240 }, { timeout: 120 }],
  );
  const early = answered(there, waited(false), waited(true));
  assert.equal((await early.client.executions.wait("a", 3600)).completed, true);
  const short = answered(there, waited(false));
  await short.client.executions.wait("a", 1.5);
  assert.deepEqual(short.asked[1]?.body, { timeout: 1.5 });
  const tooLong = answered(there, waited(false));
  await tooLong.client.executions.wait("a", 5000);
  assert.deepEqual(tooLong.asked[1]?.body, { timeout: 5000 }, "what does not fit is the service's to refuse");
});

test("a wait goes on while the service is away, and tells at once what cannot get better", async () => {
  const there = () => Response.json({});
  const gone = () => {
    throw new TypeError("fetch failed");
  };
  const refused = () => Response.json({ detail: "no", error_code: "EXECUTION_NOT_FOUND" }, { status: 404 });
  const away = answered(there, gone, () => new Response("<html>", { status: 502 }), waited(true));
  assert.equal((await away.client.executions.wait("a", 60)).completed, true);
  await assert.rejects(answered(gone).client.executions.wait("a"), /There is no answer from http:\/\/service/);
  await assert.rejects(answered(refused).client.executions.wait("a"), ApiError);
  await assert.rejects(answered(there, refused).client.executions.wait("a"), ApiError);
});

test("a stream is taken up again where it broke off, also while a proxy has no service behind it", async () => {
  const frame = (event: string, id: string, data: object) =>
    `event: ${event}\ndata: ${JSON.stringify(data)}\nid: ${id}\n\n`;
  const end: EndData = { reason: "completed", status: "completed" };
  const { client, asked } = answered(
    () => new Response(frame("initiated", "1", { type: "initiated" })),
    () => new Response("<html>", { status: 502 }),
    () => new Response("<html>", { status: 504 }),
    () => new Response(frame("completed", "2", { type: "completed" }) + frame("end", "2", end)),
  );
  const seen: string[] = [];
  for await (const { type, id } of client.executions.events("a")) seen.push(`${type} ${id}`);
  assert.deepEqual(seen, ["initiated 1", "completed 2", "end 2"]);
  assert.deepEqual(
    asked.map(({ cursor }) => cursor),
    [null, "1", "1", "1"],
  );
});

test("a stream of an execution that stays interrupted is asked for ever more seldom", async () => {
  const end: EndData = { reason: "interrupted", status: "interrupted" };
  const again = () => new Response(`event: end\ndata: ${JSON.stringify(end)}\nid: 7\n\n`);
  const { client } = answered(again, again, again);
  const stop = new AbortController();
  const waits: number[] = [];
  const frames = client.executions.events("a", {
    signal: stop.signal,
    onState: (state) => {
      if (state.state === "waiting" && waits.push(state.ms) === 3) stop.abort();
    },
  });
  for await (const { type } of frames) assert.equal(type, "end");
  const [first = 0, second = 0, third = 0] = waits;
  assert.ok(first <= second && second <= third && first < third, waits.join());
});

test("an id that would make another path of its path is answered without a request", async () => {
  const { client, asked } = answered();
  for (const id of ["", ".", ".."]) {
    await assert.rejects(
      async () => client.configs.delete(id),
      (error) => error instanceof ApiError && error.status === 404,
    );
  }
  assert.equal(asked.length, 0);
});

test("an answer that is no JSON is told as what it is", async () => {
  const { client } = answered(() => new Response("<html>"));
  await assert.rejects(client.configs.list(), /What answers at http:\/\/service is no Millrace/);
});
