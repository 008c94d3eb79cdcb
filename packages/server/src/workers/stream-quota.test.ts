import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { after, before, test } from "node:test";
import fc from "fast-check";
import type { Endpoint } from "../http/endpoint.ts";
import type { MainCalls, WorkerCalls } from "./calls.ts";
import { Channel } from "./channel.ts";
import { StreamGate } from "./stream-gate.ts";
import { type QuotaHolder, StreamQuota } from "./stream-quota.ts";

const UNHEARD = { group: () => {}, drained: () => {}, closed: () => {} };

let server: Server;
before(async () => {
  server = createServer({ noDelay: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
after(() => server.close());

/** A worker that opens a stream per request, as long as it has room, at its end of a line to the main process. */
class FakeWorker implements QuotaHolder {
  size = 0;
  readonly #line: readonly [Socket, Socket];
  readonly #main: Channel<Pick<WorkerCalls, "giveBackStreams">, Pick<MainCalls, "moreStreams">>;
  readonly #run: () => Promise<unknown>;

  private constructor(line: readonly [Socket, Socket], quota: StreamQuota, fellows: number, max: number) {
    this.#line = line;
    this.#main = new Channel(line[0], { moreStreams: ({ wanted }) => quota.more(this, wanted) }, UNHEARD);
    const worker = new Channel<Pick<MainCalls, "moreStreams">, Pick<WorkerCalls, "giveBackStreams">>(
      line[1],
      { giveBackStreams: () => gate.giveBack() },
      UNHEARD,
    );
    const gate = new StreamGate(quota.join(this, fellows, max), (wanted) => worker.call("moreStreams", { wanted }));
    this.#run = guarded(gate, this, async () => {
      if (this.size >= gate.limit) return false;
      this.size += 1;
      return true;
    });
  }

  static async start(quota: StreamQuota, fellows: number, max: number): Promise<FakeWorker> {
    const accepted = once(server, "connection");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const client = connect({ port, host: "127.0.0.1", noDelay: true });
    const [main]: [Socket] = (await accepted) as [Socket];
    return new FakeWorker([main, client], quota, fellows, max);
  }

  /** Whether there was room. */
  open(): Promise<unknown> {
    return this.#run();
  }

  giveBack(): Promise<number> {
    return this.#main.call("giveBackStreams", null);
  }

  end(): void {
    for (const socket of this.#line) socket.destroy();
  }
}

test("however streams come and go, all workers together open as many as there is room for", async () => {
  const step = fc.record({
    worker: fc.nat(2),
    what: fc.constantFrom("open", "open", "open", "close", "restart"),
    count: fc.integer({ min: 1, max: 100 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.nat(300), fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 15 }), async (max, turns) => {
      const quota = new StreamQuota(max);
      const start = () => FakeWorker.start(quota, 3, max);
      const workers = [await start(), await start(), await start()];
      using _ = {
        [Symbol.dispose]: () => {
          for (const worker of workers) worker.end();
        },
      };
      const open = () => workers.reduce((sum, worker) => sum + worker.size, 0);
      for (const turn of turns) {
        const asked: Promise<unknown>[] = [];
        const before = open();
        let closed = false;
        for (const { worker: index, what, count } of turn) {
          const worker = workers[index];
          if (worker === undefined) continue;
          if (what === "open") asked.push(...Array.from({ length: count }, () => worker.open()));
          else {
            closed = true;
            if (what === "close") worker.size = Math.max(0, worker.size - count);
            else {
              worker.end();
              quota.leave(worker);
              workers[index] = await start();
            }
          }
        }
        const opened = (await Promise.all(asked)).filter(Boolean).length;
        assert.ok(open() <= max);
        if (!closed) assert.equal(opened, Math.min(asked.length, max - before));
      }
    }),
    { numRuns: 200 },
  );
});

test("a request is not refused by an answer that was on its way before it came", async () => {
  const answers: ((granted: number) => void)[] = [];
  const gate = new StreamGate(0, () => new Promise((resolve) => answers.push(resolve)));
  const rooms: number[] = [];
  const open = guarded(gate, { size: 0 }, async () => rooms.push(gate.limit));
  const early = open();
  const late = [open(), open()];
  answers.shift()?.(0);
  await early;
  assert.deepEqual(rooms, [0]);
  assert.equal(answers.length, 1, "those who came later ask together");
  answers.shift()?.(2);
  await Promise.all(late);
  assert.deepEqual(rooms, [0, 2, 2]);
});

/** The endpoint of `run` behind the gate. */
function guarded(gate: StreamGate, streams: { readonly size: number }, run: () => Promise<unknown>) {
  const endpoint: Endpoint = { method: "GET", path: "/", access: "read", summary: "", tag: "", responses: {}, run };
  const guarded = gate.guard(endpoint, streams);
  // The endpoint looks at neither the request nor the reply.
  return () => guarded.run(...([{}, {}] as unknown as Parameters<Endpoint["run"]>));
}
