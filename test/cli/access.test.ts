import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { KeyedService, LONG, SHORT } from "../access/keyed-service.ts";
import { Folder, millrace, RunningCommand } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { ServiceProcess } from "../support/service-process.ts";

let service: KeyedService;
const folder = new Folder();

before(async () => {
  service = await KeyedService.start();
  const { id } = await service.admin.configs.create({ name: "short", config_yaml: SHORT });
  await service.admin.configs.run(id, { tag: "done" });
  await service.admin.executions.wait("done");
});
after(async () => {
  await service[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const withKey = (key: string | undefined, ...args: string[]) =>
  millrace(args, { env: { MILLRACE_URL: service.url, MILLRACE_API_KEY: key } });

/** One of each kind: what looks, watches, starts, administers. */
const COMMANDS = [
  ["configs", "list"],
  ["executions", "get", "done"],
  ["watch", "done"],
  ["top", "--once"],
  ["configs", "run", "short"],
  ["keys", "list"],
  ["audit"],
  ["search", "docs", "words"],
];

test("without a key, and with a wrong one, each command says what is wrong and where a key is taken from", async () => {
  const { secret } = await service.key(["read"]);
  for (const command of COMMANDS) {
    const [none, wrong] = await Promise.all([withKey(undefined, ...command), withKey(`${secret}0`, ...command)]);
    assert.deepEqual([none.code, none.stdout, wrong.code, wrong.stdout], [8, "", 8, ""], command.join(" "));
    assert.match(none.stderr, /^millrace: This service needs a credential/);
    assert.match(wrong.stderr, /^millrace: The API key is not one of this service\.\n/);
    for (const { stderr } of [none, wrong]) assert.match(stderr, /MILLRACE_API_KEY/);
    assert.ok(!wrong.stderr.includes(secret));
  }
});

test("a key that does not suffice, has expired or was revoked is told apart, with exit code 8", async () => {
  const reader = await service.key(["read"]);
  assert.equal((await withKey(reader.secret, "watch", "done")).code, 0);
  for (const [command, scope] of [
    [["configs", "run", "short"], "run"],
    [["configs", "delete", "short"], "write"],
    [["keys", "list"], "admin"],
    [["audit"], "admin"],
  ] as const) {
    const { code, stdout, stderr } = await withKey(reader.secret, ...command);
    assert.deepEqual([code, stdout], [8, ""]);
    assert.match(stderr, new RegExp(`needs the scope \`${scope}\`; this credential has \`read\``));
  }
  const brief = await service.key(["read"]);
  await service.admin.keys.rotate(brief.id, { overlap_seconds: 0 });
  const expired = await withKey(brief.secret, "configs", "list");
  assert.equal(expired.code, 8);
  assert.match(expired.stderr, /has expired/);
  await service.admin.keys.revoke(reader.id);
  const revoked = await withKey(reader.secret, "configs", "list");
  assert.equal(revoked.code, 8);
  assert.match(revoked.stderr, /was revoked/);
});

test("a watch whose key is revoked ends, and says so", async () => {
  const id = await service.run(LONG);
  const { id: keyId, secret } = await service.key(["read"]);
  const watch = new RunningCommand(["watch", id, "--events"], {
    env: { MILLRACE_URL: service.url, MILLRACE_API_KEY: secret },
  });
  await eventually(() => assert.match(watch.stdout, /processing/));
  await service.admin.keys.revoke(keyId);
  const { code, stderr } = await watch.ended;
  assert.equal(code, 8);
  assert.match(stderr, /was revoked/);
});

test("keys are made, listed, rotated and revoked, and all of it is in the audit log", async () => {
  const admin = (await service.key(["admin"])).secret;
  const made = await withKey(admin, "keys", "create", "nightly", "--scopes", "run", "--project", "search");
  assert.equal(made.code, 0);
  assert.match(made.stdout, /^mr_[0-9a-f]+_[0-9a-f]+\n$/);
  assert.match(made.stderr, /run in the project search.*not shown again/);
  const id = /Key (\S+),/.exec(made.stderr)?.[1] ?? "";
  const rotated = await withKey(admin, "keys", "rotate", id, "--overlap-hours", "0");
  assert.match(rotated.stdout, /^mr_/);
  const next = /Key (\S+),/.exec(rotated.stderr)?.[1] ?? "";
  assert.equal((await withKey(admin, "keys", "revoke", next)).stdout, `revoked ${next}\n`);
  const list = await withKey(admin, "keys", "list");
  assert.match(list.stdout, new RegExp(`${next} +nightly +search +read,run .*revoked`));
  assert.match(list.stdout, /admin +all +read,run,write,admin .*good/);
  const audit = await withKey(admin, "audit", "--action", "key", "--outcome", "allowed", "--limit", "3");
  assert.match(
    audit.stdout,
    new RegExp(`key\\.delete +${next} .*\\n.*key\\.rotate +${id} .*\\n.*key\\.create +${id} `),
  );
  assert.equal((await withKey(admin, "keys", "revoke", "nobody")).code, 4);
});

test("a key that is made where keys are kept is of the project of MILLRACE_PROJECT, as one is that a service is asked for", async () => {
  const data = folder.at("data");
  const make = (name: string, project: string | undefined, ...more: string[]) =>
    millrace(["keys", "create", name, "--scopes", "admin", "--data-dir", data, "--json", ...more], {
      env: { MILLRACE_PROJECT: project },
    });
  const projectOf = async (made: ReturnType<typeof millrace>) => JSON.parse((await made).stdout).project;
  const first = make("one", "shop");
  assert.equal(await projectOf(first), "shop");
  assert.match((await first).stderr, /There was no data directory .*: it was made/, "as it may be a slip of the pen");
  assert.doesNotMatch((await make("another", "shop")).stderr, /no data directory/);
  assert.equal(await projectOf(make("two", "shop", "--project", "other")), "other");
  assert.equal(await projectOf(make("all", undefined)), null);
  const wrong = await make("wrong", "No Project");
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /MILLRACE_PROJECT/);
});

test("who makes a key without one is told that the service asks everybody for one from its next start on", async () => {
  await using open = await ServiceProcess.start();
  const made = await millrace(["keys", "create", "first", "--scopes", "read", "--url", open.url]);
  assert.equal(made.code, 0);
  assert.match(made.stderr, /From its next start on it asks everybody/);
  await open.end("SIGTERM");
  await open.start();
  assert.equal((await millrace(["configs", "list", "--url", open.url])).code, 8);
});

test("the ids of keys are completed for who may see them", async () => {
  const { id } = await service.key(["run"]);
  const admin = (await service.key(["admin"])).secret;
  const offered = async (key: string | undefined, ...words: string[]) =>
    (await withKey(key, "__complete", "--", ...words)).stdout;
  await eventually(async () =>
    assert.match(await offered(admin, "keys", "revoke", ""), new RegExp(`^${id}\trun, `, "m")),
  );
  await eventually(async () =>
    assert.match(
      await offered(undefined, "keys", "rotate", "--api-key", admin, id.slice(0, -3)),
      new RegExp(`^${id}\t`),
    ),
  );
  assert.equal(await offered(undefined, "keys", "revoke", ""), ":none\n");
  assert.equal(await offered(admin, "keys", "revoke", "--api-key", ""), ":none\n");
  assert.match(await offered(undefined, "k"), /^keys\t/);
  assert.match(await offered(undefined, "au"), /^audit\t/);
  assert.match(await offered(undefined, "proj"), /^projects\t/);
});
