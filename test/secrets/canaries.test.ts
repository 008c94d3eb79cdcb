import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { onDatabase } from "../../packages/stores/src/support/postgres.ts";
import { millrace } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { NATS_URL } from "../support/nats.ts";
import { OtlpReceiver } from "../support/otlp-receiver.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { SHARED_STACK } from "../support/shared-stack.ts";
import { assertClean, CANARIES } from "./canaries.ts";
import { SPILL, WAYS } from "./spill-adapter.ts";
import { VaultServer } from "./vault-server.ts";

const ALL = "${secret:FROM_ENV} ${secret:FROM_FILE} ${secret:FROM_VAULT}";

/** One who answers with all that it was sent, and more. */
class Echo {
  readonly requests: { url: string; headers: Record<string, unknown> }[] = [];
  readonly #server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { url = "", headers } = request;
    this.requests.push({ url, headers });
    // As PHP and Go write JSON.
    const php = JSON.stringify(headers).replaceAll("/", "\\/");
    const go = JSON.stringify(headers).replace(/[<>&]/g, (found) => `\\u00${found.charCodeAt(0).toString(16)}`);
    const text = JSON.stringify({ url, headers, php, go, body: Buffer.concat(chunks).toString() });
    const message = `Incorrect API key provided: ${text} ${Object.values(CANARIES).join(" ")}`;
    if (url.startsWith("/fine")) return response.setHeader("x-echo", encodeURIComponent(text)).end(text);
    if (url.includes("bucket")) {
      const xml = message.replace(/[<&]/g, (character) => `&#${character.charCodeAt(0)};`);
      return response.writeHead(403).end(`<Error><Code>AccessDenied</Code><Message>${xml}</Message></Error>`);
    }
    response.writeHead(401, message.replace(/[^ -~]/g, " ").slice(0, 200), { "content-type": "application/json" });
    return response.end(JSON.stringify({ error: { message, type: "invalid_request_error" }, message }));
  });

  async start(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get host(): string {
    // A server that listens on TCP.
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Routes whose adapters hold secrets, and what comes of each message is theirs alone. */
function pipelineOf(echo: string): string {
  const auth = { type: "basic", username: "user", password: "${secret:FROM_FILE}" };
  const keys = { access_key_id: "${secret:FROM_FILE}", secret_access_key: "${secret:FROM_VAULT}" };
  const bucket = { bucket: "bucket", endpoint: `http://${echo}`, ...keys };
  const model = { base_url: `http://${echo}/v1`, model: "m", api_key: "${secret:FROM_VAULT}", max_tries: 1 };
  const adapters: Record<string, object> = {
    request: { type: "http_request", config: { url: `http://${echo}/no?key=\${secret:FROM_VAULT}`, auth } },
    request_fine: {
      type: "http_request",
      config: {
        url: `http://${echo}/fine?key=\${secret:FROM_FILE}`,
        headers: { "x-key": "${secret:FROM_VAULT}", "x-file": "${secret:FROM_FILE}" },
      },
    },
    post: {
      type: "http_post",
      config: { url: `http://${echo}/no`, auth: { type: "bearer", token: "${secret:FROM_FILE}" } },
    },
    userinfo: {
      type: "http_request",
      config: { url: `http://user:canary-file%2FZk83@${echo}/no?\${secret:FROM_FILE}` },
    },
    bad_header: { type: "http_request", config: { url: `http://${echo}/no`, headers: { a: "${secret:FROM_ENV}\n" } } },
    complete: { type: "complete", config: { ...model, prompt: "hello", field: "text" } },
    embed: { type: "embed", config: { ...model, field: "text" } },
    sql: {
      type: "sql_query",
      config: { connection: "postgres://user:${secret:FROM_FILE}@127.0.0.1:1/nowhere", sql: "SELECT 1" },
    },
    s3_write: { type: "s3_write", config: { ...bucket, key: "a", field: "text" } },
    s3_objects: { type: "s3_objects", config: bucket },
    transform: { type: "json_transform", config: { expression: "$number('${secret:FROM_FILE}')" } },
    transform_emit: { type: "json_transform", config: { expression: '{ "token": "${secret:FROM_FILE}" }' } },
    fail: { type: "fail", config: { message: "no: ${secret:FROM_FILE}" } },
    log: { type: "log", config: { message: ALL.replace("${secret:FROM_ENV}", "") } },
    script: {
      type: "script",
      config: {
        code: 'function process() { log("${secret:FROM_FILE}"); throw new Error("${secret:FROM_VAULT}"); }',
      },
    },
  };
  for (const how of WAYS) {
    adapters[how] = { type: "spill", config: { secret: ALL, how } };
    adapters[`${how}_in_thread`] = { ...adapters[how], isolation: "thread" };
  }
  return JSON.stringify({
    version: "1.0",
    name: "spills",
    error_handling: { max_retries: 1, retry_delay_seconds: 0.01, on_error: "continue", timeout_seconds: 60 },
    routes: {
      begin: {
        adapters: [{ type: "generate", config: { count: 1, payload: { text: "hello" } } }],
        outbound: Object.keys(adapters),
      },
      ...Object.fromEntries(
        Object.entries(adapters).map(([route, adapter]) => [route, { adapters: [adapter], outbound: ["end"] }]),
      ),
      end: { adapters: [{ type: "store_write", config: { name: "${$string($millis())}-${$random()}.json" } }] },
    },
    init_message: { route: "begin" },
  });
}

const folder = mkdtempSync(join(tmpdir(), "millrace-canaries-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What the operator has set up: a secret each in the environment, a file and a server. */
async function setUp(echo: Echo, vault: VaultServer) {
  const secrets = join(folder, "secrets");
  const adapters = join(folder, "adapters");
  for (const each of [secrets, adapters]) mkdirSync(each, { recursive: true });
  writeFileSync(join(secrets, "FROM_FILE"), `${CANARIES.FROM_FILE}\n`, { mode: 0o600 });
  writeFileSync(join(adapters, "spill.ts"), SPILL);
  vault.entries.set("default", { FROM_VAULT: CANARIES.FROM_VAULT });
  const token = join(folder, "token");
  writeFileSync(token, `${vault.token}\n`);
  chmodSync(token, 0o600);
  const flags = ["--secrets-dir", secrets, "--secrets-url", vault.url, "--secrets-token-file", token];
  const env = { MILLRACE_SECRET_FROM_ENV: CANARIES.FROM_ENV, MILLRACE_SECRET_HOOK: CANARIES.HOOK };
  return {
    flags: [...flags, "--adapters-dir", adapters, "--http-allow-hosts", echo.host, "--log-level", "trace"],
    env,
  };
}

/** Every answer to a GET that the service's own description knows, with ids of things that are there. */
async function walk(url: string, ids: Readonly<Record<string, string>>, look: (where: string, text: string) => void) {
  const text = await (await fetch(`${url}/openapi.json`)).text();
  look("openapi.json", text);
  const document: { paths: Record<string, Record<string, unknown>> } = JSON.parse(text);
  let seen = 0;
  for (const [path, methods] of Object.entries(document.paths)) {
    if (!("get" in methods)) continue;
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(ids[name] ?? `no-${name}`));
    const query = new URLSearchParams({ timeout: "1" });
    if (/\/events$/.test(path)) query.set("execution_id", ids.execution_id ?? "");
    for (const suffix of [`?${query}`, "", "?limit=1000"]) {
      // A stream without an end of its own.
      if (suffix !== `?${query}` && /events$/.test(path)) continue;
      const answer = await fetch(`${url}${filled}${suffix}`);
      look(`GET ${filled}${suffix} (${answer.status})`, JSON.stringify([...answer.headers]) + (await answer.text()));
      seen += 1;
    }
  }
  assert.ok(seen > 60, `only ${seen} answers were looked at`);
}

function walkFiles(root: string, look: (where: string, bytes: Uint8Array) => void): number {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const file of files) look(join(file.parentPath, file.name), readFileSync(join(file.parentPath, file.name)));
  return files.length;
}

/** All that PostgreSQL keeps of a service. */
async function walkShared(databaseUrl: string): Promise<void> {
  const tables = await onDatabase(
    databaseUrl,
    "SELECT tablename AS name FROM pg_tables WHERE schemaname NOT LIKE 'pg_%' AND schemaname <> 'information_schema'",
  );
  assert.ok(tables.length > 5);
  for (const { name } of tables) {
    // Bytes are in hex there.
    const rows = await onDatabase(databaseUrl, `SELECT t::text AS row FROM "${name}" t`);
    for (const { row } of rows) assertClean(`table ${name}`, String(row));
    for (const { row } of rows)
      for (const [, hex = ""] of String(row).matchAll(/\\\\x([0-9a-f]+)/g))
        assertClean(`table ${name}`, Buffer.from(hex, "hex"));
  }
}

/** Hears all that nodes say to each other and leave with NATS, from the beginning on. */
class Tap {
  heard = 0;
  readonly #connection: NatsConnection;
  #failure: unknown = null;

  private constructor(connection: NatsConnection) {
    this.#connection = connection;
    const subscription = connection.subscribe("millrace.>");
    (async () => {
      for await (const { subject, data, headers } of subscription) {
        this.heard += 1;
        assertClean(`what nodes say on ${subject}`, data);
        assertClean(`the head of what nodes say on ${subject}`, `${subject} ${headers ?? ""}`);
      }
    })().catch((error) => {
      this.#failure = error;
    });
  }

  static async open(): Promise<Tap> {
    const tap = new Tap(await connect({ servers: NATS_URL.split(",") }));
    await tap.#connection.flush();
    return tap;
  }

  /** @throws where a canary was heard */
  check(): void {
    if (this.#failure !== null) throw this.#failure;
    assert.ok(this.heard > 0, "nodes said nothing");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }
}

for (const [stack, more] of [
  ["one process", []],
  ["worker processes", ["--workers", "2"]],
] as const) {
  test(`no secret comes out of ${SHARED_STACK ? "several nodes" : stack}, whatever lets it slip`, {
    skip: SHARED_STACK && more.length > 0 && "nodes have no workers",
  }, async () => {
    await using echo = await new Echo().start();
    await using vault = await VaultServer.start();
    await using tap = SHARED_STACK ? await Tap.open() : null;
    const { flags, env } = await setUp(echo, vault);
    await using collector = await OtlpReceiver.open();
    await using service = await ServiceProcess.start([...flags, ...more], { ...env, ...collector.env });
    const { client, url } = service;

    // Something of everything that there is.
    const webhook = await client.webhooks.create({
      url: `http://${echo.host}/hook`,
      secret_ref: "HOOK",
      headers: { authorization: "Bearer ${secret:FROM_FILE}" },
    });
    assert.equal(webhook.secret, null);
    const config = await client.configs.create({ config_yaml: pipelineOf(echo.host) });
    assert.deepEqual(
      config.validation_report.issues.filter(({ severity }) => severity === "error"),
      [],
    );
    const call = await client.triggers.create({ kind: "call", config_id: config.id });
    const callSecret = call.call_path?.split("/").at(-1) ?? "";
    assert.match(callSecret, /^mts_/);
    const { execution_id: started } = await client.triggers.call(call.id, callSecret);
    await fetch(`${url}/api/v1/triggers/${call.id}/${callSecret}x`, { method: "POST" });
    const id = started ?? "";
    const { frames } = await readStream(`${url}/api/v1/executions/${id}/events`);

    // That the secrets were used, and failures say where one was.
    const failed = frames.filter(({ event, data }) => event === "failed" && data.will_retry === false);
    const saying = (route: string) => JSON.stringify(failed.find(({ data }) => data.route === route)?.data.error);
    for (const route of [
      "request",
      "post",
      "sql",
      "s3_write",
      "s3_objects",
      "complete",
      "embed",
      "bad_header",
      "userinfo",
    ])
      assert.match(saying(route) ?? "", /"message"/, `${route} has failed`);
    for (const route of ["throw", "throw_text", "throw_cause", "throw_late", "throw_in_thread", "throw_text_in_thread"])
      assert.match(saying(route) ?? "", /\[secret FROM_ENV\].*\[secret FROM_FILE\].*\[secret FROM_VAULT\]/, route);
    for (const route of ["transform", "fail"]) assert.match(saying(route) ?? "", /\[secret FROM_FILE\]/, route);
    const authorization = `Basic ${Buffer.from(`user:${CANARIES.FROM_FILE}`).toString("base64")}`;
    assert.ok(
      echo.requests.some(({ headers }) => headers.authorization === authorization),
      "it was sent as it is",
    );
    const delivery = await eventually(async () => {
      const { deliveries } = await client.webhooks.deliveries(webhook.id);
      const [first] = deliveries;
      assert.ok(first !== undefined && first.log.length > 0);
      return first;
    });
    assert.ok(
      echo.requests.some(
        (request) => request.url === "/hook" && request.headers.authorization === `Bearer ${CANARIES.FROM_FILE}`,
      ),
      "the header's secret was replaced",
    );

    // Nothing that anybody can read has one.
    assertClean("the stream", JSON.stringify(frames));
    const { failures } = await client.executions.failures(id).catch(() => ({ failures: [] }));
    const ids: Record<string, string> = {
      execution_id: id,
      config_id: config.id,
      webhook_id: webhook.id,
      trigger_id: call.id,
      delivery_id: delivery.id,
      message_id: String(failed[0]?.data.message_id ?? failures[0]),
      type: "spill",
      adapter_type: "http_request",
      id: webhook.id,
    };
    await walk(url, ids, (where, text) => {
      assertClean(where, text);
      assert.ok(!text.includes(callSecret), `${where} has the trigger's secret`);
    });
    for (const { key } of (await client.storage.list({ execution_id: id }).catch(() => ({ objects: [] }))).objects ??
      []) {
      const object = await fetch(`${url}/api/v1/storage/objects/${key}`);
      assertClean(key, new Uint8Array(await object.arrayBuffer()));
    }
    for (const args of [
      ["configs", "list", "--json"],
      ["configs", "show", config.id],
      ["executions", "list", "--json"],
      ["executions", "show", id],
      ["executions", "failures", id, "--json"],
      ["watch", id, "--json"],
      ["webhooks", "list", "--json"],
      ["webhooks", "deliveries", webhook.id, "--json"],
      ["triggers", "list", "--json"],
      ["lineage", id],
    ]) {
      const { stdout, stderr } = await millrace([...args, "--url", url]);
      assertClean(`millrace ${args.join(" ")}`, stdout + stderr);
    }
    const { databaseUrl } = service;
    if (databaseUrl !== null) await walkShared(databaseUrl);
    tap?.check();
    assert.ok(walkFiles(service.dataDir, assertClean) > 0);
    await service.end();
    const spans = collector.text;
    for (const name of ["process throw_in_thread", "POST /api/v1/triggers/{trigger_id}/{secret}", "POST webhook"])
      assert.ok(spans.includes(name), `no span is called ${name}`);
    assertClean("the traces", spans);
    assert.ok(!spans.includes(callSecret), "the traces have the trigger's secret");
    if (databaseUrl === null) {
      const archive = join(folder, `backup-${more.length}.tar`);
      const { code, stdout, stderr } = await millrace(["backup", archive, "--data-dir", service.dataDir]);
      assert.equal(code, 0, stderr);
      assertClean("millrace backup", stdout + stderr);
      assertClean("the backup", readFileSync(archive));
    }
    walkFiles(service.dataDir, assertClean);
    assert.match(service.stderr, /\[secret FROM_ENV\]/, "the log says where one was");
    assert.match(service.stdout, /\[secret FROM_VAULT\]/, "and so does the standard output");
    for (const [where, text] of [
      ["stderr", service.stderr],
      ["stdout", service.stdout],
    ] as const) {
      assertClean(where, text);
      assert.ok(!text.includes(callSecret), `${where} has the trigger's secret`);
      assert.ok(!text.includes(vault.token), `${where} has the vault's token`);
    }
  });
}
