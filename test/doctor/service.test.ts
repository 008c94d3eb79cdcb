import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { VERSION } from "@millrace/server";
import { freePort } from "../support/free-port.ts";
import { examine, found } from "./diagnosis.ts";

/** A server that says of itself what a test needs. */
async function standIn(answer: RequestListener): Promise<{ url: string; port: number } & AsyncDisposable> {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A server that listens on TCP has an address.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

test("a service that is not there, one that is something else, and another program on its port are problems", async () => {
  await using stranger = await standIn((_, response) => response.end("hello"));
  const strange = await examine({ url: stranger.url, flags: { port: stranger.port } });
  found(strange, "service", "problem", /is no Millrace/);
  found(strange, "port", "problem", /Another program listens on .*ss -ltnp/);
  found(await examine({ flags: { port: stranger.port } }), "port", "problem", /Another program listens/);
  const url = `http://127.0.0.1:${await freePort()}`;
  found(await examine({ url }), "service", "problem", /Nothing answers at .*ECONNREFUSED/);
});

test("an address that this machine does not have is a problem", async () => {
  const diagnosis = await examine({ flags: { host: "192.0.2.7", port: 8000 } });
  found(diagnosis, "port", "problem", /no such address: 192\.0\.2\.7:8000/);
});

test("a service of another version, that is not ready, or whose clock differs, is told part by part", async () => {
  const components = {
    store: { status: "unhealthy", detail: "Commits fail: disk I/O error", advice: "See to the disk." },
    streams: { status: "degraded", detail: null },
    executions: { status: "healthy", detail: "0 running" },
  };
  await using service = await standIn(({ url }, response) => {
    response.sendDate = false;
    response.setHeader("date", new Date(Date.now() + 90_000).toUTCString());
    response.statusCode = url === "/health/ready" ? 503 : 200;
    const answers: Record<string, unknown> = {
      "/health/live": { status: "healthy", components: {} },
      "/health/ready": { status: "unhealthy", components },
      "/api/v1/system/info": {
        name: "millrace",
        version: `${VERSION}-other`,
        node_version: "v26.0.0",
        started_at: new Date().toISOString(),
        features: [],
        limits: {},
      },
    };
    response.end(JSON.stringify(answers[url ?? ""] ?? {}));
  });
  const diagnosis = await examine({ url: service.url });
  found(diagnosis, "service", "problem", /store is unhealthy: Commits fail: disk I\/O error See to the disk\./);
  found(diagnosis, "service", "warning", /streams is degraded/);
  found(diagnosis, "service", "warning", new RegExp(`is Millrace ${VERSION}-other, and this is ${VERSION}`));
  found(diagnosis, "clock", "problem", /(?:8\d|90)(?:\.\d)? s behind the service's.*NTP/);
  assert.equal(diagnosis.status, "problem");
});
