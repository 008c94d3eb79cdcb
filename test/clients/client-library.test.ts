import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { ApiError, createClient, type RunProgress, type StreamEvent, type StreamState } from "@millrace/client";
import { WAITS } from "../support/pipelines.ts";
import { ServiceProcess } from "../support/service-process.ts";

const FAN_OUT = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 2000 } }], outbound: [work] }
  work: { inbound: { concurrency: 4 }, adapters: [{ type: filter, config: { when: "false" } }] }
init_message: { route: make }
`;

/** A proxy that cuts each connection after some bytes of its answer, in the middle of whatever stands there. */
class CuttingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  cuts = 0;

  constructor(target: string, bytesOf: () => number) {
    const { hostname, port } = new URL(target);
    this.#server = createServer((client) => {
      const upstream = connect(Number(port), hostname);
      let left = bytesOf();
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket);
        socket.on("error", () => undefined);
        socket.on("close", () => this.#sockets.delete(socket));
      }
      client.on("data", (chunk) => upstream.write(chunk));
      client.on("close", () => upstream.destroy());
      upstream.on("close", () => client.end());
      upstream.on("data", (chunk: Buffer) => {
        client.write(chunk.subarray(0, left));
        left -= chunk.length;
        if (left > 0) return;
        this.cuts += 1;
        upstream.destroy();
        client.destroySoon();
      });
    });
  }

  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return `http://127.0.0.1:${address.port}`;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of stream) all.push(each);
  return all;
}

function assertDone(state: RunProgress | undefined): void {
  assert.deepEqual([state?.status, state?.queued, state?.running, state?.completed], ["completed", 0, 0, 2_001]);
}

describe("the client library", () => {
  let service: ServiceProcess;
  before(async () => {
    service = await ServiceProcess.start();
  });
  after(() => service[Symbol.asyncDispose]());

  test("hands out each event once, however often and wherever its connections are cut", async () => {
    const id = await service.run(FAN_OUT);
    const proxy = new CuttingProxy(service.url, () => 1_000 + Math.floor(Math.random() * 400_000));
    const client = createClient({ baseUrl: await proxy.start() });
    const seen = await collect(client.executions.events(id));
    proxy.close();
    assert.ok(proxy.cuts > 2, `${proxy.cuts} cuts`);
    const whole = await collect(service.client.executions.events(id));
    assert.deepEqual(seen, whole);
    assert.equal(whole.length, 3 + 2 * 2000 + 2000 + 1);
  });

  test("goes on over connections that each last a second, and after a restart of the service", async () => {
    const id = await service.run(`
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 100 } }], outbound: [work] }
  work: { adapters: [{ type: delay, config: { seconds: 0.05 } }] }
init_message: { route: make }
`);
    const states: StreamState["state"][] = [];
    const seen: StreamEvent[] = [];
    for await (const event of service.client.executions.events(id, {
      timeoutS: 1,
      onState: ({ state }) => states.push(state),
    })) {
      seen.push(event);
      if (seen.length === 40) {
        await service.end("SIGKILL");
        await service.start();
      }
    }
    const whole = await collect(service.client.executions.events(id));
    assert.deepEqual(
      seen.filter(({ type }) => type !== "end"),
      whole.filter(({ type }) => type !== "end"),
    );
    assert.ok(states.filter((state) => state === "connected").length > 2, "over several connections");
    assert.equal(states.at(-1), "ended");
  });

  test("follows several executions to the end of the last one", async () => {
    const ids = [await service.run(FAN_OUT), await service.run(FAN_OUT)];
    const proxy = new CuttingProxy(service.url, () => 1_000 + Math.floor(Math.random() * 800_000));
    const client = createClient({ baseUrl: await proxy.start() });
    const events = await collect(client.executions.eventsOf(ids));
    proxy.close();
    for (const id of ids) {
      const own = events.filter((event) => event.execution_id === id);
      const { id: _, ...end } = own.at(-1) ?? {};
      assert.deepEqual(end, { type: "end", reason: "completed", status: "completed", execution_id: id });
      const whole = await collect(service.client.executions.events(id));
      assert.deepEqual(own.slice(0, -1), whole.slice(0, -1));
    }
  });

  test("asks for what was chosen on every connection, and hands out nothing else", async () => {
    const id = await service.run(FAN_OUT);
    const proxy = new CuttingProxy(service.url, () => 1_000 + Math.floor(Math.random() * 200_000));
    const client = createClient({ baseUrl: await proxy.start() });
    const chosen = await collect(client.executions.events(id, { types: ["initiated", "failed"], routes: ["work"] }));
    proxy.close();
    assert.ok(proxy.cuts > 2, `${proxy.cuts} cuts`);
    const whole = await collect(service.client.executions.events(id));
    const wanted = whole.filter(
      (event) => event.type === "end" || (event.type === "initiated" && event.route === "work"),
    );
    assert.deepEqual(chosen, wanted);
  });

  test("hands out the states of a run, the last one as it stays", async () => {
    const ids = [await service.run(FAN_OUT), await service.run(FAN_OUT)];
    const told: StreamState[] = [];
    const states = await collect(
      service.client.executions.progress(ids[0] ?? "", { onState: (state) => told.push(state) }),
    );
    assertDone(states.at(-1));
    assert.deepEqual(
      [told[0], told[1], told.at(-1)?.state],
      [{ state: "connecting", reason: null }, { state: "connected" }, "ended"],
    );
    const of = await collect(service.client.executions.progressOf(ids));
    for (const id of ids) assertDone(of.findLast((state) => state.execution_id === id));
  });

  test("stops when it is told to, and throws what cannot get better", async () => {
    const id = await service.run(WAITS);
    const stop = new AbortController();
    const seen: StreamEvent[] = [];
    for await (const event of service.client.executions.events(id, { signal: stop.signal })) {
      seen.push(event);
      if (seen.length === 2) stop.abort();
    }
    assert.equal(seen.length, 2);
    await service.client.executions.cancel(id);
    await assert.rejects(
      collect(service.client.executions.events("nobody")),
      (error) => error instanceof ApiError && error.status === 404 && error.code === "EXECUTION_NOT_FOUND",
    );
    await assert.rejects(
      collect(service.client.executions.events(id, { lastEventId: "from another world" })),
      (error) => error instanceof ApiError && error.status === 422 && error.validationErrors.length === 1,
    );
  });

  test("says that there is no service, and which one", async () => {
    await assert.rejects(
      createClient({ baseUrl: "http://127.0.0.1:9" }).system.info(),
      (error) => error instanceof ApiError && error.status === 0 && error.message.includes("http://127.0.0.1:9"),
    );
  });
});
