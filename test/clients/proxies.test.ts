import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { blocks, ROOT } from "../docs/pages.ts";
import { checkJournal } from "../support/check-journal.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

const SLOW = `
version: "1.0"
routes: { wait: { adapters: [{ type: delay, config: { seconds: 600 } }] } }
init_message: { route: wait }
`;

const FAN_OUT = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 2000 } }], outbound: [end] }
  end: { inbound: { concurrency: 8 }, adapters: [{ type: filter, config: { when: "false" } }] }
init_message: { route: make }
`;

const hasNginx = spawnSync("nginx", ["-v"]).error === undefined;
const skip = hasNginx || process.env.TEST_REQUIRE_NGINX === "1" ? false : "there is no nginx on this machine";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** An nginx of the test's own, with these servers. */
class Nginx {
  readonly #folder = mkdtempSync(join(tmpdir(), "millrace-nginx-"));
  #child: ChildProcess | null = null;

  async start(servers: string, port: number): Promise<void> {
    for (const name of ["body", "proxy", "fastcgi", "uwsgi", "scgi"]) mkdirSync(join(this.#folder, name));
    const paths = ["body:client_body", "proxy:proxy", "fastcgi:fastcgi", "uwsgi:uwsgi", "scgi:scgi"].map((pair) => {
      const [folder, directive] = pair.split(":");
      return `${directive}_temp_path ${join(this.#folder, folder ?? "")};`;
    });
    const file = join(this.#folder, "nginx.conf");
    writeFileSync(
      file,
      `daemon off; worker_processes 1; pid ${join(this.#folder, "pid")}; error_log stderr error;
       events {} http { access_log off; ${paths.join(" ")} ${servers} }`,
    );
    const child = spawn("nginx", ["-p", this.#folder, "-c", file], { stdio: "inherit" });
    this.#child = child;
    for (let tries = 0; tries < 200; tries += 1) {
      const answer = await fetch(`http://127.0.0.1:${port}/health/live`).catch(() => null);
      if (answer?.ok) return;
      assert.equal(child.exitCode, null, "nginx has ended");
      await wait(25);
    }
    throw new Error("nginx does not answer");
  }

  async stop(): Promise<void> {
    if (this.#child !== null && this.#child.exitCode === null) {
      this.#child.kill("SIGTERM");
      await once(this.#child, "exit");
    }
    rmSync(this.#folder, { recursive: true });
  }
}

const documented = blocks(readFileSync(join(ROOT, "docs", "proxies.md"), "utf8"), "nginx")[0]?.code ?? "";
const PLAIN = "server { listen 8080; location / { proxy_pass http://127.0.0.1:8000; } }";

for (const [what, servers] of [
  ["as the documentation sets it up", documented],
  ["that knows nothing of streams, and compresses what it may", `gzip on; gzip_types *; gzip_min_length 1; ${PLAIN}`],
] as const) {
  describe(`behind an nginx ${what}`, { skip }, () => {
    const nginx = new Nginx();
    let service: ServiceProcess;
    let base = "";
    before(async () => {
      service = await ServiceProcess.start();
      const port = await freePort();
      base = `http://127.0.0.1:${port}`;
      const own = servers
        .replace("127.0.0.1:8000", new URL(service.url).host)
        .replace("listen 8080", `listen 127.0.0.1:${port}`);
      await nginx.start(own, port);
    });
    after(async () => {
      await nginx.stop();
      await service[Symbol.asyncDispose]();
    });

    test("events come as they happen, not when the run is over", async () => {
      const id = await service.run(SLOW);
      const url = `${base}/api/v1/executions/${id}/events`;
      const { frames } = await readStream(url, { until: ({ event }) => event === "processing" });
      assert.deepEqual(
        frames.map(({ event }) => event),
        ["initiated", "processing"],
      );
      await service.client.executions.cancel(id);
    });

    test("a stream is whole, and goes on from a cursor", async () => {
      const id = await service.run(FAN_OUT);
      const url = `${base}/api/v1/executions/${id}/events`;
      const first = await readStream(url, { until: ({ id: seen }) => Number(seen) > 1000 });
      const rest = await readStream(url, { headers: { "last-event-id": String(first.frames.at(-1)?.id) } });
      checkJournal([...first.frames, ...rest.frames]);
      assert.equal(first.frames.length + rest.frames.length, 3 * 2001 + 1);
    });
  });
}
