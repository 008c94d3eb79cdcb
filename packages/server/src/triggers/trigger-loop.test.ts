import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pino } from "pino";
import { viewOf } from "../access/project-of.ts";
import { openService } from "../service.ts";
import { settingsSchema } from "../settings.ts";
import { FolderWatch } from "./folder-watch.ts";
import { ManageTriggers } from "./manage-triggers.ts";
import { TriggerLoop } from "./trigger-loop.ts";

const VIEW = viewOf("default");

const PIPELINE = `
version: "1.0"
routes: { end: { adapters: [{ type: filter, config: { when: "false" } }] } }
init_message: { route: end }
`;

test("each due time makes one run while the clock goes, jumps ahead and is set back", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-clock-"));
  const log = pino({ level: "silent" });
  const service = await openService(settingsSchema.parse({ data_dir: folder }), log);
  try {
    let now = Date.parse("2050-03-27T00:30:00Z");
    const clock = { now: () => now };
    const { triggers, configs, executions, ids } = service;
    const folders = new FolderWatch({ triggers, clock, ids });
    const parts = { triggers, configs, executions, clock, ids, folders, metrics: null };
    const loop = new TriggerLoop({ ...parts, log });
    const config = await configs.create(VIEW, { config_yaml: PIPELINE, name: "p", source_type: "api" });
    const { id } = await new ManageTriggers(parts).create(VIEW, {
      config_id: config?.id ?? "",
      kind: "cron",
      cron: { expression: "0 * * * *", time_zone: "Europe/Berlin", missed: "skip" },
      enabled: true,
      payload: {},
      tag_template: null,
      max_running: null,
      when_running: "skip",
    });
    const due = async () => {
      const { items } = await triggers.listFirings(id, { limit: 100, offset: 0 });
      return items.map(({ dueAt, outcome }) => `${new Date(dueAt).toISOString().slice(11, 16)} ${outcome}`).reverse();
    };
    await loop.pass();
    assert.deepEqual(await due(), []);
    // Over the hour that the clock leaves out in Berlin.
    for (const at of ["01:00:00", "01:00:01", "02:00:30", "01:59:50", "02:00:10"]) {
      now = Date.parse(`2050-03-27T${at}Z`);
      await loop.pass();
    }
    assert.deepEqual(await due(), ["01:00 started", "02:00 started"]);
    now = Date.parse("2050-03-27T09:45:00Z");
    await loop.pass();
    await loop.pass();
    assert.deepEqual(await due(), ["01:00 started", "02:00 started", "09:00 skipped"]);
    now = Date.parse("2050-03-27T10:00:00Z");
    await loop.pass();
    assert.deepEqual((await due()).slice(3), ["10:00 started"]);
  } finally {
    await service.close(0);
    rmSync(folder, { recursive: true });
  }
});
