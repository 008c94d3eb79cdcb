import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { createClient } from "@millrace/client";
import { Folder, jsonLines, millrace, RunningCommand } from "../support/command.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { QUICK, SLOW, WRONG } from "./pipelines.ts";

test("serve takes its settings from flags, variables and a file, and says in one line where it listens", async () => {
  using folder = new Folder();
  const config = folder.write(
    "millrace.yaml",
    "max_executions: 7\nmax_subscribers: 7\nport: 1\nmax_body_bytes: 5000\n",
  );
  const env = { MILLRACE_CONFIG: config, MILLRACE_PORT: "2", MILLRACE_MAX_SUBSCRIBERS: "8", MILLRACE_PROT: "3" };
  await using serve = new RunningCommand(
    ["serve", "--port", "0", "--data-dir", folder.at("data"), "--max-executions", "9"],
    { env },
  );
  await serve.shows("Millrace listens on");
  const url = /^Millrace listens on (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(serve.stdout)?.[1];
  assert.ok(url !== undefined, serve.stdout);
  const { limits } = await createClient({ baseUrl: url }).system.info();
  assert.deepEqual([limits.max_executions, limits.max_subscribers, limits.max_body_bytes], [9, 8, 5000]);
  const [warning, ...others] = jsonLines(serve.stderr).map(({ msg }) => String(msg));
  assert.deepEqual(others, [], "what programs read is the log, and nothing else");
  assert.match(warning ?? "", /MILLRACE_PROT is no setting and is ignored\. Did you mean MILLRACE_PORT\?/);
});

test("serve says to a person how to store a pipeline where there is none", async () => {
  using folder = new Folder();
  await using serve = new RunningCommand([
    "serve",
    "--port",
    "0",
    "--data-dir",
    folder.at("data"),
    "--log-format",
    "pretty",
  ]);
  await serve.shows("Try next");
  assert.match(serve.stderr, /^ {2}npx millrace configs create FILE --url http:\S+ {2}/m);
});

test("what serve says to type next works as it stands", async () => {
  using folder = new Folder();
  folder.write("quick.yaml", QUICK);
  await using serve = new RunningCommand([
    ...[
      "serve",
      "--port",
      "0",
      "--data-dir",
      folder.at("data"),
      "--configs-dir",
      folder.path,
      "--log-format",
      "pretty",
    ],
  ]);
  await serve.shows("the API, to be browsed");
  const commands = [...serve.stderr.matchAll(/^ {2}npx millrace (.*?) {3}/gm)].map((match) =>
    (match[1] ?? "").split(" "),
  );
  assert.equal(commands.length, 2);
  for (const command of commands) assert.equal((await millrace(command)).code, 0, command.join(" "));
  const [, page = ""] = /^ {2}curl -N (\S+)/m.exec(serve.stderr) ?? [];
  assert.equal((await readStream(page)).frames.at(-1)?.event, "end");
});

test("serve says which files of the configs folder cannot be run, and why", async () => {
  using folder = new Folder();
  folder.write("quick.yaml", QUICK);
  folder.write("wrong.yaml", WRONG);
  folder.write("old.yaml", Buffer.from(QUICK.replace("name: quick", "name: \xfcber"), "latin1"));
  await using serve = new RunningCommand([
    ...["serve", "--port", "0", "--data-dir", folder.at("data"), "--configs-dir", folder.path],
  ]);
  await serve.shows("Millrace listens on");
  const warnings = jsonLines(serve.stderr).map(({ msg }) => String(msg));
  assert.equal(warnings.length, 2, serve.stderr);
  assert.match(warnings[0] ?? "", /old\.yaml: The YAML cannot be parsed: .*UTF-8.*line 2, column 7/);
  assert.match(
    warnings[1] ?? "",
    /wrong\.yaml: It cannot be run: Unknown adapter type "generat" \(line 4, column 30\)/,
  );
});

test("serve refuses what is wrong by its name, in a line", async () => {
  using folder = new Folder();
  const broken = folder.write("broken.yaml", "port: [");
  const cases: [string[], RegExp][] = [
    [["--port", "70000"], /^millrace: --port: expected at most 65535, got "70000"$/m],
    [["--port", ""], /^millrace: --port: expected a port from 0 to 65535, got ""$/m],
    [["--config", broken], /^millrace: The config file .*broken\.yaml cannot be read: /m],
    [["--port", "0", "--configs-dir", "none"], /^millrace: The configs folder none cannot be read: /m],
    [["--port", "0", "--data-dir", `${broken}/data`], /^millrace: The data directory .* cannot be used: /m],
  ];
  const ended = await Promise.all(cases.map(([args]) => millrace(["serve", ...args], { cwd: folder.path })));
  for (const [index, { code, stderr, stdout }] of ended.entries()) {
    assert.match(stderr, cases[index]?.[1] ?? /^$/);
    assert.equal(code, index === 4 ? 6 : 2);
    assert.equal(stdout, "");
    assert.doesNotMatch(stderr, /^ +at /m);
  }
});

test("a port or a data directory that is taken is told as that, and the one that has it is not disturbed", async () => {
  await using service = await ServiceProcess.start();
  using folder = new Folder();
  const port = new URL(service.url).port;
  const [taken, used] = await Promise.all([
    millrace(["serve", "--port", port, "--data-dir", folder.at("data")]),
    millrace(["run", folder.write("quick.yaml", QUICK), "--data-dir", service.dataDir]),
  ]);
  assert.equal(taken.code, 2);
  assert.match(
    taken.stderr,
    new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: another process listens there\\. .*--port`),
  );
  assert.equal(used.code, 6);
  assert.match(used.stderr, /^millrace: Another Millrace works on the data directory .*--data-dir\.$/m);
  assert.equal((await service.client.system.ready()).status, "healthy");
});

test("SIGTERM ends open streams with a reason and the service with 0, whatever its clients hold open", async () => {
  await using service = await ServiceProcess.start(["--shutdown-grace", "0.5"]);
  const id = await service.run(SLOW);
  const url = `${service.url}/api/v1/executions/${id}/events`;
  let first: () => void = () => {};
  const open = new Promise<void>((resolve) => {
    first = resolve;
  });
  const stream = readStream(url, {
    until: () => {
      first();
      return false;
    },
  });
  await open;
  // A wait that would last, and a request of which half has come.
  const waiting = fetch(`${service.url}/api/v1/executions/${id}/wait`, { method: "POST" }).catch(
    (error: unknown) => error,
  );
  const half = connect(Number(new URL(service.url).port), "127.0.0.1");
  half.on("error", () => undefined);
  await once(half, "connect");
  half.write(
    "POST /api/v1/configs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
  );
  assert.equal(await service.end("SIGTERM"), 0);
  const { frames } = await stream;
  assert.deepEqual([frames.at(-1)?.event, frames.at(-1)?.data.reason], ["end", "shutdown"]);
  await waiting;
  half.destroy();

  await service.start();
  assert.equal((await service.client.executions.get(id)).status, "running", "what was cut short is taken up again");
});

test("Ctrl-C stops a service like SIGTERM does", async () => {
  using folder = new Folder();
  await using serve = new RunningCommand([
    "serve",
    "--port",
    "0",
    "--data-dir",
    folder.at("data"),
    "--host",
    "localhost",
  ]);
  await serve.shows("Millrace listens on http://localhost:");
  serve.child.kill("SIGINT");
  assert.equal((await serve.ended).code, 0);
});
