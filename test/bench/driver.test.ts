import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Driver } from "../../bench/driver/driver.ts";

const skip = spawnSync("cc", ["--version"]).error === undefined ? false : "there is no C compiler";

function frame(id: number): string {
  return `event: initiated\ndata: {"n":${id}}\nid: ${id}\n\n`;
}

/** Serves each path with what `answer` writes; closes with the driver. */
async function serving(answer: (path: string, response: ServerResponse) => Promise<void> | void) {
  const server = createServer((request, response) => {
    if (request.method === "POST") {
      request.resume();
      request.on("end", () => {
        response.writeHead(204).end();
        answer("/pub", response);
      });
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    answer(request.url ?? "", response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert(typeof address === "object" && address !== null);
  return {
    url: `http://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

test("the driver counts each event once, in whatever pieces the stream comes", { skip }, async () => {
  const stream = `retry: 3000\n${frame(4)}:\n${frame(17)}event: end\ndata: {}\nid: 17\n\n`;
  await using server = await serving(async (path, response) => {
    if (path === "/whole") response.write(stream);
    else {
      for (const byte of stream) {
        response.write(byte);
        await setImmediate();
      }
    }
    response.end();
  });
  await using driver = Driver.start();
  await driver.target(server.url, ["/whole", "/bytes"]);
  await driver.open(2);
  const readers = await driver.until(0, 10);
  assert.deepEqual(
    {
      least: readers.least,
      most: readers.most,
      alike: readers.alike,
      ends: readers.ends,
      unordered: readers.unordered,
    },
    { least: 2, most: 2, alike: 2, ends: 2, unordered: 0 },
  );
});

test("the driver tells of a client that missed an event, and of one that had it twice", { skip }, async () => {
  const streams: Record<string, string> = {
    "/all": frame(1) + frame(2) + frame(3),
    "/hole": frame(1) + frame(3),
    "/twice": frame(1) + frame(2) + frame(2),
  };
  await using server = await serving((path, response) => {
    response.end(streams[path]);
  });
  await using driver = Driver.start();
  await driver.target(server.url, Object.keys(streams));
  await driver.open(3);
  const readers = await driver.until(0, 10);
  assert.equal(readers.least, 2);
  assert.equal(readers.alike, 1);
  assert.equal(readers.unordered, 1);
});

test("the driver publishes the next event when all have read the last, and says how long that took", {
  skip,
}, async () => {
  const open: ServerResponse[] = [];
  let id = 0;
  await using server = await serving((path, response) => {
    if (path !== "/pub") {
      open.push(response);
      return;
    }
    id += 1;
    for (const each of open) each.write(frame(id));
  });
  await using driver = Driver.start();
  await driver.target(server.url, ["/sub"]);
  await driver.publishing({ kind: "post", path: "/pub", bytes: 10 });
  await driver.open(20);
  const run = await driver.outstanding(1, 0.2);
  assert.equal(run.events, id);
  assert.equal(run.deliveries, 20 * id);
  assert.equal(run.outstanding, 0);
  assert(run.p50Ms > 0 && run.p50Ms <= run.p99Ms && run.p99Ms <= run.maxMs);
});
