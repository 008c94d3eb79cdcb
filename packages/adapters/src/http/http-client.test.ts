import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { AdapterError } from "@millrace/engine";
import { LocalServer } from "../testing/local-server.ts";
import type { Lookup } from "./guarded-connector.ts";
import { HttpClient, type HttpRequest } from "./http-client.ts";

function clientOf(allowHosts: readonly string[], lookup?: Lookup): HttpClient {
  return new HttpClient({ allowHosts, userAgent: "test", ...(lookup === undefined ? {} : { lookup }) });
}

const local = clientOf(["127.0.0.1", "localhost"]);

function get(client: HttpClient, url: string | URL, more: Partial<HttpRequest> = {}) {
  return client.send({
    url: new URL(url),
    method: "GET",
    headers: new Headers(),
    signal: new AbortController().signal,
    timeoutSeconds: 60,
    maxBytes: 1_000_000,
    maxRedirects: 5,
    ...more,
  });
}

/** What a request fails with, as `CODE`, or `CODE, retryable`, and its message. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    return `${error.code}${error.retryable ? ", retryable" : ""}: ${error.message}`;
  }
  throw new Error("the request does not fail");
}

/** A server below HTTP, for answers that no HTTP server gives. */
async function rawServer(onSocket: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onSocket(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

describe("where requests may go", () => {
  test("this machine is refused, however it is written, and nothing is sent to it", async () => {
    let asked = 0;
    await using server = await LocalServer.start((_request, response) => void response.end(String(++asked)));
    const { port } = new URL(server.url);
    const client = clientOf([]);
    for (const host of [
      "127.0.0.1",
      "2130706433",
      "0x7f.1",
      "0177.0.0.1",
      "localhost",
      "[::ffff:127.0.0.1]",
      "0.0.0.0",
    ]) {
      const failure = await failureOf(get(client, `http://${host}:${port}/secret?key=1`));
      assert.match(failure, /^HTTP_ADDRESS_REFUSED: .*no public address.*http_allow_hosts/, host);
      assert.doesNotMatch(failure, /key=1/);
    }
    assert.equal(asked, 0);
  });

  test("a name that leads to a private address is refused; of several addresses only public ones are tried", async () => {
    const tried: string[] = [];
    const lookup: Lookup = (hostname, callback) => {
      tried.push(hostname);
      callback(null, [{ address: hostname === "six.example" ? "fd00::1" : "10.0.0.5", family: 4 }]);
    };
    const client = clientOf([], lookup);
    for (const name of ["four.example", "six.example"]) {
      assert.match(await failureOf(get(client, `http://${name}/`)), /^HTTP_ADDRESS_REFUSED: .*leads to/);
    }
    assert.deepEqual(tried, ["four.example", "six.example"]);
  });

  test("the address that is checked is the one that is connected to: each connection asks the resolver once", async () => {
    await using server = await LocalServer.start((_request, response) => void response.end("inside"));
    const { port } = new URL(server.url);
    let lookups = 0;
    // A resolver that says "public" to whoever checks first, and then the truth.
    const lookup: Lookup = (_hostname, callback) => {
      lookups += 1;
      callback(null, [{ address: lookups === 1 ? "203.0.114.1" : "127.0.0.1", family: 4 }]);
    };
    const client = clientOf([], lookup);
    const control = new AbortController();
    const first = get(client, `http://rebind.example:${port}/`, { signal: control.signal, timeoutSeconds: 1 });
    await assert.rejects(first);
    assert.equal(lookups, 1);
    assert.match(await failureOf(get(client, `http://rebind.example:${port}/`)), /^HTTP_ADDRESS_REFUSED/);
  });

  test("a redirect to a private address is refused, also from a host that is allowed", async () => {
    await using inside = await LocalServer.start((_request, response) => void response.end("secret"));
    await using server = await LocalServer.start(
      (_request, response) => void response.writeHead(302, { location: inside.url }).end(),
    );
    const { port } = new URL(server.url);
    const client = clientOf([`allowed.example:${port}`], (_hostname, callback) =>
      callback(null, [{ address: "127.0.0.1", family: 4 }]),
    );
    // A host that is allowed is looked up by the machine itself.
    assert.match(await failureOf(get(client, `http://allowed.example:${port}/`)), /^HTTP_FAILED/);
    const byAddress = clientOf([`127.0.0.1:${port}`]);
    assert.match(await failureOf(get(byAddress, server.url)), /^HTTP_ADDRESS_REFUSED/);
  });

  test("a host that is allowed is reached at the port that is named, and at no other", async () => {
    await using server = await LocalServer.start((_request, response) => void response.end("ok"));
    const { port } = new URL(server.url);
    assert.equal((await get(clientOf([`127.0.0.1:${port}`]), server.url)).body.toString(), "ok");
    assert.match(await failureOf(get(clientOf(["127.0.0.1:1"]), server.url)), /^HTTP_ADDRESS_REFUSED/);
  });
});

describe("what hostile servers send", () => {
  test("a head that comes a byte at a time, without end, is given up when the time is over", async () => {
    await using server = await rawServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nx: ");
      const timer = setInterval(() => socket.write("y"), 20);
      socket.on("close", () => clearInterval(timer));
    });
    assert.match(await failureOf(get(local, server.url, { timeoutSeconds: 0.3 })), /^HTTP_TIMEOUT, retryable/);
  });

  test("a body that comes a byte at a time is given up when the time is over", async () => {
    await using server = await rawServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
      const timer = setInterval(() => socket.write("y"), 20);
      socket.on("close", () => clearInterval(timer));
    });
    assert.match(await failureOf(get(local, server.url, { timeoutSeconds: 0.3 })), /^HTTP_TIMEOUT, retryable/);
  });

  test("a head without end is cut off where it is too long", async () => {
    await using server = await rawServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      const more = () => {
        while (!socket.destroyed && socket.write(`x-${"y".repeat(1000)}: z\r\n`));
      };
      socket.on("drain", more);
      more();
    });
    assert.match(await failureOf(get(local, server.url)), /^HTTP_HEADERS_TOO_LARGE: /);
  });

  test("a bomb is unpacked no further than allowed, whatever it is packed with", async () => {
    const bomb = Buffer.alloc(50_000_000);
    const packed = {
      gzip: gzipSync(bomb),
      deflate: deflateSync(bomb),
      br: brotliCompressSync(bomb),
      zstd: zstdCompressSync(bomb),
      "gzip, gzip": gzipSync(gzipSync(bomb)),
    };
    await using server = await LocalServer.start((request, response) => {
      const encoding = decodeURIComponent(request.url?.slice(1) ?? "");
      response.setHeader("content-encoding", encoding);
      response.end(packed[encoding as keyof typeof packed]);
    });
    for (const encoding of Object.keys(packed)) {
      const url = `${server.url}/${encodeURIComponent(encoding)}`;
      assert.match(await failureOf(get(local, url)), /^HTTP_BODY_TOO_LARGE: /, encoding);
    }
  });

  test("packed bodies are unpacked, also deflate without its head; what is not packed as announced is refused", async () => {
    const packed: Record<string, [string, Buffer]> = {
      gzip: ["gzip", gzipSync("words")],
      deflate: ["deflate", deflateSync("words")],
      raw: ["deflate", deflateRawSync("words")],
      br: ["br", brotliCompressSync("words")],
      zstd: ["zstd", zstdCompressSync("words")],
      unknown: ["snappy", Buffer.from("words")],
      false: ["gzip", Buffer.from("words")],
      many: ["gzip, gzip, gzip, gzip", Buffer.from("words")],
      empty: ["gzip", Buffer.alloc(0)],
    };
    await using server = await LocalServer.start((request, response) => {
      const [encoding, body] = packed[request.url?.slice(1) ?? ""] ?? ["", ""];
      response.setHeader("content-encoding", encoding).end(body);
    });
    for (const name of ["gzip", "deflate", "raw", "br", "zstd", "unknown"])
      assert.equal((await get(local, `${server.url}/${name}`)).body.toString(), "words", name);
    assert.equal((await get(local, `${server.url}/empty`)).body.length, 0);
    for (const name of ["false", "many"])
      assert.match(await failureOf(get(local, `${server.url}/${name}`)), /^HTTP_ENCODING_INVALID: /, name);
  });

  test("redirects that lead in a circle, nowhere, or to what is no HTTP, end for good", async () => {
    await using server = await LocalServer.start((request, response) => {
      const location =
        { "/loop": "/loop", "/file": "file:///etc/passwd", "/bad": "http://[" }[request.url ?? ""] ?? "/";
      response.writeHead(302, { location }).end();
    });
    for (const path of ["loop", "file", "bad"])
      assert.match(await failureOf(get(local, `${server.url}/${path}`)), /^HTTP_REDIRECT_INVALID: /, path);
  });
});

describe("redirects", () => {
  test("another origin gets no header that may be a secret, and the final URL is told", async () => {
    await using other = await LocalServer.start(
      (request, response) => void response.end(JSON.stringify(request.headers)),
    );
    await using server = await LocalServer.start(
      (_request, response) => void response.writeHead(307, { location: `${other.url}/there` }).end(),
    );
    const headers = new Headers({
      authorization: "a",
      cookie: "b",
      "x-api-key": "c",
      accept: "text/x",
      "x-anything": "d",
    });
    const answer = await get(local, server.url, { headers });
    const sent = JSON.parse(answer.body.toString());
    assert.deepEqual(Object.keys(sent).sort(), ["accept", "accept-encoding", "connection", "host", "user-agent"]);
    assert.deepEqual([answer.url.href, answer.redirected], [`${other.url}/there`, true]);
  });

  test("a form that was sent is not sent again, unless the status says so", async () => {
    await using server = await LocalServer.start(async (request, response) => {
      const body = Buffer.concat(await Array.fromAsync(request)).toString();
      const status = Number(request.url?.slice(1));
      if (status > 0) response.writeHead(status, { location: "/" }).end();
      else response.end(`${request.method} ${body} ${request.headers["content-type"]}`);
    });
    const send = async (status: number, method: "POST" | "PUT") => {
      const more = { method, body: "form", headers: new Headers({ "content-type": "text/x" }) };
      return (await get(local, `${server.url}/${status}`, more)).body.toString();
    };
    assert.equal(await send(302, "POST"), "GET  undefined");
    assert.equal(await send(303, "PUT"), "GET  undefined");
    assert.equal(await send(302, "PUT"), "PUT form text/x");
    assert.equal(await send(308, "POST"), "POST form text/x");
  });
});

describe("connections and pace", () => {
  test("requests to a host share connections, also after redirects and failures", async () => {
    const sockets = new Set<Socket>();
    await using server = await LocalServer.start((request, response) => {
      sockets.add(request.socket);
      if (request.url === "/moved") response.writeHead(301, { location: "/" }).end("moved");
      else response.writeHead(request.url === "/gone" ? 404 : 200).end("x");
    });
    for (const path of ["", "moved", "gone", ""]) await get(local, `${server.url}/${path}`);
    // A connection is free a moment after its answer is read: the next request may take another.
    assert.ok(sockets.size <= 2, `${sockets.size}`);
  });

  test("a host that asks for a pause is left alone until then, by all requests; Retry-After may be a date", async () => {
    const client = clientOf(["127.0.0.1"]);
    for (const header of ["3600", new Date(Date.now() + 3_600_000).toUTCString()]) {
      await using server = await LocalServer.start(
        (_request, response) => void response.writeHead(429, { "retry-after": header }).end(),
      );
      const answer = await get(client, server.url);
      assert.equal(answer.status, 429);
      const wait = answer.retryAfterMs ?? 0;
      assert.ok(wait > 3_500_000 && wait <= 3_600_000, `${wait}`);
      assert.match(await failureOf(get(client, server.url)), /^HTTP_HOST_PAUSED, retryable: .*left alone/);
    }
  });

  test("cancel ends a request at once, also one that waits for its turn", async () => {
    const client = clientOf(["127.0.0.1"]);
    await using server = await LocalServer.start(
      (_request, response) => void response.writeHead(503, { "retry-after": "30" }).end(),
    );
    await get(client, server.url);
    const control = new AbortController();
    const waiting = get(client, server.url, { signal: control.signal });
    control.abort();
    await assert.rejects(waiting, { name: "AbortError" });
  });
});
