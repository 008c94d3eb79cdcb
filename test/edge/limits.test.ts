import assert from "node:assert/strict";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { errorResponseSchema } from "@millrace/protocol";
import { z } from "zod";
import { sendRaw } from "../../packages/server/src/http/testing/raw.ts";
import { ADMIN_KEY, KeyedService } from "../access/keyed-service.ts";
import { eventually } from "../support/eventually.ts";
import { drops, WAITS } from "../support/pipelines.ts";
import { RawReader } from "../support/raw-reader.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { workerPids } from "../support/worker-pids.ts";

const BURST = 200;
const STREAMS = 3;

const refusalSchema = errorResponseSchema.extend({ limit: z.string() });

/** As a proxy on this machine passes it on for a client. */
const as = (address: string) => ({ "x-forwarded-for": address });

async function refusalOf(answer: Response, limit: string): Promise<number> {
  assert.equal(answer.status, 429);
  const body = refusalSchema.parse(await answer.json());
  assert.equal(body.error_code, "RATE_LIMITED");
  assert.equal(body.limit, limit);
  assert.match(answer.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  return Number(answer.headers.get("retry-after"));
}

for (const workers of ["1", "2"]) {
  describe(`one address of many, with ${workers === "1" ? "a single process" : "workers"}`, () => {
    let service: ServiceProcess;
    let waiting: string;
    before(async () => {
      service = await ServiceProcess.start([
        ...["--access", "off", "--workers", workers, "--trusted-proxies", "loopback"],
        ...["--limit-requests-per-second", "0.1"],
        ...["--limit-request-burst", String(BURST), "--limit-streams", String(STREAMS), "--limit-runs", "1"],
        ...["--limit-bytes-per-minute", "400000"],
      ]);
      waiting = `${service.url}/api/v1/executions/${await service.run(WAITS)}/events`;
    });
    after(() => service[Symbol.asyncDispose]());

    test("sends so many requests at once, and is then told when to send the next; nobody else is held up", async () => {
      const url = `${service.url}/api/v1/adapters/nope`;
      const first = await fetch(url, { headers: as("203.0.113.1") });
      assert.equal(first.headers.get("ratelimit-policy"), `"requests";q=${BURST}`);
      assert.match(first.headers.get("ratelimit") ?? "", new RegExp(`^"requests";r=${BURST - 1};t=\\d+$`));
      let sent = 1;
      let answer = first;
      while (answer.status === 404 && sent <= BURST + 60) {
        await answer.body?.cancel();
        answer = await fetch(url, { headers: as("203.0.113.1") });
        sent += 1;
      }
      assert.ok(sent > BURST, "as many as are allowed were answered");
      assert.ok((await refusalOf(answer, "requests")) <= 10, "one flows in every ten seconds");
      assert.equal((await fetch(waiting, { headers: as("203.0.113.1") })).status, 429, "streams are requests as well");
      assert.equal((await fetch(url, { headers: as("203.0.113.2") })).status, 404, "another address");
      assert.equal((await fetch(url, { headers: as("203.0.113.1, 203.0.113.2") })).status, 404, "the last one counts");
      assert.equal((await fetch(url)).status, 404, "this machine's own requests are not counted");
      assert.equal((await fetch(`${service.url}/health/live`, { headers: as("203.0.113.1") })).status, 200);
      const forged = await fetch(url, { headers: { ...as("203.0.113.1"), "x-millrace-peer": "203.0.113.9" } });
      assert.equal(forged.status, 429, "what workers tell the main process, nobody else can");
    });

    test("has so many streams at once, over all processes; one more is refused before its head", async () => {
      const open = () => RawReader.open(waiting, as("2001:db8::1"));
      const readers = [await open(), await open(), await open()];
      assert.deepEqual(
        readers.map(({ status }) => status),
        [200, 200, 200],
      );
      await refusalOf(await fetch(waiting, { headers: as("2001:db8::2") }), "streams");
      assert.equal((await fetch(waiting, { method: "HEAD", headers: as("2001:db8:0:1::1") })).status, 200);
      readers.pop()?.cut();
      await eventually(async () => {
        const reader = await open();
        readers.push(reader);
        assert.equal(reader.status, 200, "a place that was given back is there for the next");
      });
      const own = await Promise.all(Array.from({ length: STREAMS + 1 }, () => RawReader.open(waiting)));
      assert.ok(own.every(({ status }) => status === 200));
      for (const reader of [...readers, ...own]) reader.cut();
    });

    test("takes no place with what is refused or over at once", async () => {
      for (let each = 0; each <= STREAMS; each += 1) {
        assert.equal((await fetch(`${waiting}?timeout=0`, { headers: as("203.0.113.3") })).status, 422);
        assert.equal((await fetch(`${waiting}x`, { headers: as("203.0.113.3") })).status, 404);
        const { frames } = await readStream(`${waiting}?timeout=1`, { headers: as("203.0.113.3") });
        assert.equal(frames.at(-1)?.event, "end");
      }
    });

    test("has so many runs that are not over", async () => {
      const config = await service.client.configs.create({ config_yaml: WAITS, name: "waits" });
      const run = () =>
        fetch(`${service.url}/api/v1/configs/${config.id}/run`, { method: "POST", headers: as("203.0.113.4") });
      const first = await run();
      assert.equal(first.status, 201);
      const { id } = z.looseObject({ id: z.string() }).parse(await first.json());
      await refusalOf(await run(), "runs");
      await service.client.executions.cancel(id);
      assert.equal((await run()).status, 201);
    });

    test("has so many bytes, of answers and of streams", async () => {
      const page = `${service.url}/openapi.json`;
      const answers = [];
      while (answers.length < 20 && answers.at(-1) !== 429) {
        const answer = await fetch(page, { headers: as("203.0.113.5") });
        answers.push(answer.status);
        if (answer.status === 429) await refusalOf(answer, "bytes");
        else await answer.text();
      }
      assert.deepEqual([answers[0], answers.at(-1)], [200, 429]);
      const id = await service.run(drops(1_000, 8));
      await service.client.executions.wait(id);
      const events = `${service.url}/api/v1/executions/${id}/events`;
      const { frames } = await readStream(events, { headers: as("203.0.113.6") });
      assert.equal(frames.at(-1)?.event, "end", "a stream that has begun goes on to its end");
      await eventually(async () => {
        await refusalOf(await fetch(page, { headers: as("203.0.113.6") }), "bytes");
      });
    });

    test("gets the places back of a worker that dies", { skip: workers === "1" }, async () => {
      const readers = await Promise.all(
        Array.from({ length: STREAMS }, () => RawReader.open(waiting, as("203.0.113.7"))),
      );
      assert.equal((await fetch(waiting, { headers: as("203.0.113.7") })).status, 429);
      for (const pid of workerPids(service.pid)) process.kill(pid, "SIGKILL");
      for (const reader of readers) await reader.ended();
      await eventually(async () => assert.equal((await service.client.system.ready()).status, "healthy"));
      await eventually(async () => {
        const reader = await RawReader.open(waiting, as("203.0.113.7"));
        assert.equal(reader.status, 200);
        reader.cut();
      });
    });
  });
}

/** An address of this machine that is no loopback one. */
const own = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address;

test("one address has so many connections, whether it sends anything or not", { skip: own === undefined }, async () => {
  const flags = ["--host", own ?? "", "--access", "unprotected", "--limit-connections", "8"];
  await using service = await ServiceProcess.start(flags);
  const live = `GET /health/live HTTP/1.1\r\nHost: ${own}\r\nConnection: close\r\n\r\n`;
  const { hostname, port } = new URL(service.url);
  const silent = Array.from({ length: 8 }, () => connect(Number(port), hostname));
  for (const socket of silent) socket.on("error", () => undefined);
  await eventually(async () => {
    const refused = await sendRaw(service.url, live);
    assert.equal(refused.status, 429);
    assert.equal(errorResponseSchema.parse(JSON.parse(refused.body)).error_code, "RATE_LIMITED");
  });
  for (const socket of silent) socket.destroy();
  await eventually(async () => assert.equal((await sendRaw(service.url, live)).status, 200));
});

for (const workers of ["1", "2"]) {
  const what = "is held to its limits by what it sends and does not wait for the answer to";
  test(`an address ${what}, with --workers ${workers}`, { skip: own === undefined }, async () => {
    const flags = ["--host", own ?? "", "--access", "unprotected", "--workers", workers];
    await using service = await ServiceProcess.start([...flags, "--limit-run-starts-per-minute", "5"]);
    const config = await service.client.configs.create({ config_yaml: drops(1, 1), name: "drops" });
    const body = JSON.stringify({ config_id: config.id });
    const head = `POST /api/v1/executions HTTP/1.1\r\nHost: ${own}\r\nContent-Type: application/json`;
    const request = `${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const { hostname, port } = new URL(service.url);
    const processes = [service.pid, ...workerPids(service.pid)];
    // It finds connections that are reset already, with what was sent over them.
    for (const pid of processes) process.kill(pid, "SIGSTOP");
    for (let each = 0; each < 20; each += 1) {
      const socket = connect(Number(port), hostname);
      await new Promise<void>((sent) => socket.write(request, () => sent()));
      socket.resetAndDestroy();
    }
    for (const pid of processes) process.kill(pid, "SIGCONT");
    await eventually(async () => assert.equal((await service.client.executions.list()).total, 5));
    await wait(500);
    assert.equal((await service.client.executions.list()).total, 5);
  });
}

for (const workers of ["1", "2"]) {
  describe(`callers of a service with access control and --workers ${workers}`, () => {
    let service: KeyedService;
    before(async () => {
      service = await KeyedService.start([
        ...["--workers", workers, "--trusted-proxies", "loopback", "--limit-requests-per-second", "0.1"],
        ...["--limit-request-burst", "20", "--limit-streams", "2", "--limit-failed-attempts", "3"],
      ]);
    });
    after(() => service[Symbol.asyncDispose]());

    const countOf = async (ask: () => Promise<Response>, status: number): Promise<Response> => {
      for (let each = 0; each < 20; each += 1) assert.equal((await ask()).status, status);
      return ask();
    };

    test("what is refused for want of a credential counts by its address, for want of a scope by its key", async () => {
      for (const path of ["/api/v1/configs", "/api/v1/executions/x/events"]) {
        const stranger = as(path === "/api/v1/configs" ? "203.0.113.20" : "203.0.113.21");
        const first = await fetch(service.url + path, { headers: stranger });
        assert.match(first.headers.get("ratelimit") ?? "", /^"requests";r=19;/);
        for (let each = 1; each < 20; each += 1)
          assert.equal((await fetch(service.url + path, { headers: stranger })).status, 401);
        await refusalOf(await fetch(service.url + path, { headers: stranger }), "requests");
        assert.equal(
          (await service.ask(path, ADMIN_KEY, { headers: stranger })).status === 429,
          false,
          "whose key is good",
        );
      }
      const { secret: key } = await service.key(["read"]);
      const refused = await countOf(
        () => service.ask("/api/v1/configs", key, { method: "POST", headers: as("203.0.113.22") }),
        403,
      );
      await refusalOf(refused, "requests");
    });

    test("wrong credentials count by address, of IPv6 the whole /64, and at the login as well", async () => {
      const wrong = (address: string) => service.ask("/api/v1/configs", "mr_none_none", { headers: as(address) });
      const login = (address: string) =>
        fetch(`${service.url}/api/v1/session`, {
          method: "POST",
          headers: { ...as(address), "content-type": "application/json" },
          body: JSON.stringify({ api_key: "mr_none_none" }),
        });
      for (const [one, ask] of [
        ["2001:db8:1::", wrong],
        ["2001:db8:2::", login],
      ] as const) {
        for (let each = 0; each < 4; each += 1) assert.equal((await ask(`${one}${each}`)).status, 401);
        await refusalOf(await ask(`${one}9`), "attempts");
      }
    });

    test("a key has as many streams as it may, however it opens them", async () => {
      const id = await service.run(WAITS);
      const { secret: key } = await service.key(["read"]);
      const path = `/api/v1/executions/${id}/events`;
      const { ticket } = await service.with(key).executions.ticket(id);
      const readers = [
        await RawReader.open(service.url + path, { authorization: `Bearer ${key}` }),
        await RawReader.open(`${service.url}${path}?ticket=${ticket}`),
      ];
      assert.deepEqual(
        readers.map(({ status }) => status),
        [200, 200],
      );
      await refusalOf(await service.ask(path, key), "streams");
      await refusalOf(await fetch(`${service.url}${path}?ticket=${ticket}`), "streams");
      const login = await fetch(`${service.url}/api/v1/session`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}` },
      });
      const cookie = login.headers
        .getSetCookie()
        .map((each) => each.split(";")[0])
        .join("; ");
      await refusalOf(await fetch(service.url + path, { headers: { cookie } }), "streams");
      for (const reader of readers) reader.cut();
    });
  });
}
