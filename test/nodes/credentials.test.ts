import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { MillraceProcess } from "../support/millrace-process.ts";
import { NatsServer, withoutNatsServer } from "../support/nats-servers.ts";
import { PostgresServer, withoutPostgresServer } from "../support/postgres-server.ts";
import { readStream } from "../support/read-stream.ts";
import { skipWithoutTool } from "../support/tool.ts";

const skip = withoutPostgresServer() || withoutNatsServer() || skipWithoutTool("openssl", "OPENSSL", "version");

/** With characters that a URL does not take. */
const PASSWORD = "canary-of/postgres@9";
const NATS_PASSWORD = "canary-of/nats@9";
const TOKEN = "canary-token-9";

const HELD = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 20 } }], outbound: [work] }
  work: { inbound: { concurrency: 4 }, adapters: [{ type: held }] }
init_message: { route: make }
`;

const folder = mkdtempSync(join(tmpdir(), "millrace-certificates-"));
const certificate = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };

before(() => {
  if (skip) return;
  const made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test".split(" ");
  const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  execFileSync("openssl", [...made, ...names, "-keyout", certificate.key, "-out", certificate.cert], {
    stdio: "ignore",
  });
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** Whatever of it could be shown: as it is, as a URL has it, and as protocols send it. */
function checkHidden(text: string): void {
  for (const secret of [PASSWORD, NATS_PASSWORD, TOKEN]) {
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64")]) {
      assert.ok(!text.includes(form), `${form} is shown: ${text}`);
    }
  }
}

async function securedServers() {
  const parts = new AsyncDisposableStack();
  const postgres = parts.use(await PostgresServer.start());
  postgres.demand(PASSWORD, certificate);
  await postgres.end("SIGTERM");
  await postgres.start();
  const tls = `tls { cert_file: "${certificate.cert}", key_file: "${certificate.key}" }`;
  const users = `authorization { users = [{ user: "me", password: "${NATS_PASSWORD}" }] }`;
  const nats = parts.use(await NatsServer.start({ config: `${tls}\n${users}` }));
  const withToken = parts.use(await NatsServer.start({ config: `authorization { token: "${TOKEN}" }` }));
  return { postgres, nats, withToken, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

const databaseUrl = ({ port }: PostgresServer, password: string, more = "") =>
  `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres?sslmode=verify-full${more}`;
const natsUrl = ({ port }: NatsServer, login: string, protocol = "tls") => `${protocol}://${login}@127.0.0.1:${port}`;

test("with passwords, a token and encryption the nodes work, and show none of it while their servers come and go", {
  skip,
}, async () => {
  await using servers = await securedServers();
  const { postgres, nats, withToken } = servers;
  using held = new HeldAdapter();
  const database = databaseUrl(postgres, PASSWORD, `&sslrootcert=${certificate.cert}`);
  for (const broker of [
    { server: nats, url: natsUrl(nats, `me:${encodeURIComponent(NATS_PASSWORD)}`) },
    { server: withToken, url: natsUrl(withToken, TOKEN, "nats") },
  ]) {
    await using fleet = await Fleet.start(["both", "work"], {
      env: {
        MILLRACE_DATABASE_URL: database,
        MILLRACE_NATS_URL: broker.url,
        NODE_EXTRA_CA_CERTS: certificate.cert,
      },
      flags: [...held.flags, "--log-level", "debug"],
    });
    held.letThrough(10);
    const id = await fleet.run(HELD);
    const [config] = (await fleet.client.configs.list({ limit: 1 })).configs;
    const done = async (count: number) =>
      assert.equal((await fleet.client.executions.stats(id)).routes[1]?.completed_messages, count);
    await eventually(() => done(10));
    let shown = "";
    for (const server of [broker.server, postgres]) {
      await server.end("SIGKILL");
      await eventually(async () => {
        const health = await (await fetch(`${fleet.nodes[0]?.url}/health/ready`)).text();
        shown += health;
        assert.match(health, /"status":"degraded"/);
      });
      const refused = await fetch(`${fleet.nodes[0]?.url}/api/v1/configs/${config?.id}/run`, { method: "POST" });
      assert.equal(refused.status, 503);
      shown += await refused.text();
      await server.start();
      await eventually(async () =>
        assert.match(await (await fetch(`${fleet.nodes[0]?.url}/health/ready`)).text(), /"status":"healthy"/),
      );
    }
    held.letThrough(20);
    assert.equal((await fleet.client.executions.wait(id, 60)).status, "completed", fleet.stderr);
    shown += JSON.stringify((await readStream(`${fleet.url}/api/v1/executions/${id}/events`)).frames);
    shown += await (await fetch(`${fleet.url}/api/v1/system/info`)).text();
    for (const node of fleet.nodes) assert.equal(await node.end("SIGTERM"), 0);
    assert.match(fleet.stderr, /cannot be written/, "that servers were away is logged");
    checkHidden(shown + fleet.stderr);
  }
});

test("a wrong password, a wrong token, and a certificate that nobody vouches for are said at the start, and not shown", {
  skip,
}, async () => {
  await using servers = await securedServers();
  const { postgres, nats, withToken } = servers;
  const wrong = "canary-of/postgres@9-wrong";
  const trusted = `&sslrootcert=${certificate.cert}`;
  const goodNats = natsUrl(nats, `me:${encodeURIComponent(NATS_PASSWORD)}`);
  const good = databaseUrl(postgres, PASSWORD, trusted);
  const failure = async (database: string, broker: string, ca: Readonly<Record<string, string>>) => {
    const env = { MILLRACE_DATABASE_URL: database, MILLRACE_NATS_URL: broker, ...ca };
    await using node = new MillraceProcess(["serve", "--log-level", "debug"], env);
    await assert.rejects(node.start(), /ended with 6/);
    checkHidden(node.stderr);
    assert.ok(!node.stderr.includes("canary"), node.stderr);
    assert.doesNotMatch(node.stderr, /\n\s+at /);
    return node.stderr;
  };
  const ca = { NODE_EXTRA_CA_CERTS: certificate.cert };
  assert.match(
    await failure(databaseUrl(postgres, wrong, trusted), goodNats, ca),
    /password authentication failed.*Correct the user or the password in database_url/,
  );
  assert.match(await failure(databaseUrl(postgres, PASSWORD), goodNats, {}), /certificate/);
  assert.match(
    await failure(good.replace("verify-full", "disable"), goodNats, ca),
    /no encryption.*pg_hba\.conf/,
    "a server that wants encryption",
  );
  assert.match(await failure(good, natsUrl(nats, "me:canary-wrong"), ca), /NATS.*credentials given/);
  assert.match(await failure(good, natsUrl(withToken, "canary-wrong", "nats"), ca), /NATS.*credentials given/);
  assert.match(await failure(good, goodNats, {}), /NATS.*certificate/);
});
