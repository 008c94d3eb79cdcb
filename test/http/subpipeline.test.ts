import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { lineageNodesSchema } from "@millrace/protocol";
import { ServiceProcess } from "../support/service-process.ts";

const CHILD = `version: "1.0"
name: squares
routes:
  make: { adapters: [{ type: generate, config: { count: 3 } }], outbound: [keep] }
  keep:
    adapters:
      - { type: json_transform, config: { expression: '{ "index": index, "square": index * index }' } }
      - { type: store_write, config: { stage: results, name: "\${index}.json" } }
init_message: { route: make }
`;

const PARENT = `version: "1.0"
name: parent
routes:
  run:
    adapters:
      - { type: subpipeline, config: { config: squares, results: objects, stage: results, keep: [who] } }
      - { type: store_write, config: { stage: seen, name: "\${object.index}.json" } }
init_message: { route: run, payload: { who: me } }
`;

let service: ServiceProcess;

before(async () => {
  service = await ServiceProcess.start();
});
after(() => service[Symbol.asyncDispose]());

test("a pipeline runs a stored one for its message, and goes on with the objects that it wrote", async () => {
  const { client, url } = service;
  await client.configs.create({ config_yaml: CHILD });
  const id = await service.run(PARENT);
  assert.equal((await client.executions.wait(id)).status, "completed");
  const { root_correlation_id: root } = await client.executions.get(id);

  const { executions } = await client.executions.list({ parent_execution_id: id });
  const [child, ...more] = executions;
  assert.ok(child !== undefined && more.length === 0);
  assert.deepEqual([child.status, child.replay_source], ["completed", null]);

  const response = await fetch(
    `${url}/api/v1/storage/objects/${encodeURIComponent(`executions/${id}/run/seen/2.json`)}`,
  );
  const seen: unknown = response.ok ? await response.json() : await response.text();
  assert.deepEqual(Object(seen).object, { index: 2, square: 4 });
  assert.deepEqual([Object(seen).who, Object(seen).subpipeline.execution_id], ["me", child.id]);

  // The child's first message came of the parent's.
  const found = await fetch(`${url}/api/v1/lineage/${child.root_correlation_id}/chain`);
  const { messages } = lineageNodesSchema.parse(await found.json());
  assert.ok(messages.some((message) => message.correlation_id === root));
});

test("a pipeline that names a config that is not stored fails, and says so", async () => {
  const id = await service.run(PARENT.replace("config: squares,", "config: nobody,"));
  await service.client.executions.wait(id);
  const { status, error_info: error } = await service.client.executions.get(id);
  assert.equal(status, "failed");
  assert.equal(error?.code, "SUBPIPELINE_NOT_FOUND");
});
