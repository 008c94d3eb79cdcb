import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TempFolder } from "../../packages/adapters/src/testing/temp-folder.ts";
import { eventually } from "../support/eventually.ts";
import { KeyedService } from "./keyed-service.ts";

const READS = `
version: "1.0"
routes:
  read: { adapters: [{ type: read_file }, { type: log, config: { level: debug } }] }
init_message: { route: read, payload: { path: README.md } }
`;

for (const isolation of ["none", "thread"]) {
  test(`who may start runs reads no file that the service has not granted, whatever the message names (isolation: ${isolation})`, async () => {
    using folder = new TempFolder();
    const granted = folder.folder("granted");
    folder.write("granted/a.txt", "for pipelines");
    const secret = folder.write("secret.txt", "for nobody");
    await using service = await KeyedService.start(["--file-roots", granted]);
    mkdirSync(join(service.process.dataDir, "more"));
    writeFileSync(join(service.process.dataDir, "more/kept.txt"), "the service's own");
    const yaml = READS.replace("read_file }", isolation === "none" ? "read_file }" : "read_file, isolation: thread }");
    const config = await service.admin.configs.create({ name: "reads", config_yaml: yaml });
    const runner = service.with((await service.key(["run"])).secret);
    const end = async (payload: Record<string, string>) => {
      const { id } = await runner.configs.run(config.id, { payload });
      const { status } = await runner.executions.wait(id);
      const [failed] = status === "completed" ? [] : (await runner.executions.failures(id)).failures;
      return failed?.error.code ?? status;
    };
    assert.equal(await end({}), "completed");
    assert.equal(await end({ root: granted, path: "a.txt" }), "completed");
    for (const [root, path] of [
      [folder.path, "secret.txt"],
      ["/", secret.slice(1)],
      ["/etc", "passwd"],
      [service.process.dataDir, "more/kept.txt"],
    ] as const)
      assert.equal(await end({ root, path }), "PATH_OUTSIDE_ROOT", path);
  });
}

test("who may make triggers has no folder watched that the service has not granted", async () => {
  using folder = new TempFolder();
  await using service = await KeyedService.start();
  const config = await service.admin.configs.create({ name: "reads", config_yaml: READS });
  const { id } = await service.admin.triggers.create({
    config_id: config.id,
    kind: "folder",
    folder: { path: folder.path, existing: "run" },
  });
  folder.write("new.txt", "x");
  await eventually(async () => {
    const { problem } = await service.admin.triggers.get(id);
    assert.match(problem ?? "", /not among the files that pipelines may reach/);
  });
});
