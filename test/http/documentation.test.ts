import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { ContractDocument } from "../fuzz/contract-document.ts";
import { startTestService, type TestService } from "./service.ts";

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: unknown;
    readonly description?: string;
  }[];
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: unknown }> }>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, unknown> };
}

let service: TestService;
let document: Document;

before(async () => {
  service = await startTestService();
  const response = await fetch(`${service.base}/openapi.json`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
  // Its form is what the first test is about.
  document = (await response.json()) as Document;
});
after(() => service.stop());

test("the description of the API is valid OpenAPI 3.1, and every reference in it leads somewhere", async () => {
  const result = await new Validator().validate(JSON.parse(JSON.stringify(document)));
  assert.ok(result.valid, JSON.stringify(result.errors));
  assert.match(document.openapi, /^3\.1\./);
  for (const [, name] of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) {
    assert.ok(name !== undefined && name in document.components.schemas, `no schema ${name}`);
  }
  assert.doesNotMatch(JSON.stringify(document), /__schema|\$defs/);
});

test("every schema is one that strict validators of JSON Schema take, formats included", () => {
  assert.ok(ContractDocument.parse(JSON.parse(JSON.stringify(document))).operations.length > 50);
});

test("what the HTTP edge answers stands with every operation", () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { responses, ...operation }] of Object.entries(methods)) {
      const statuses = ["400", "431", ...("requestBody" in operation ? ["413", "415"] : [])];
      if (path.startsWith("/api/")) statuses.push("503");
      for (const status of statuses) assert.ok(status in responses, `${method} ${path} ${status}`);
    }
  }
});

test("operations have names of their own, and document every parameter of their path", () => {
  const ids = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map((each) => each.operationId),
  );
  assert.equal(new Set(ids).size, ids.length);
  for (const [path, methods] of Object.entries(document.paths)) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const [method, operation] of Object.entries(methods)) {
      assert.deepEqual(
        operation.parameters.filter((each) => each.in === "path").map((each) => each.name),
        names,
        `${method} ${path}`,
      );
    }
  }
});

test("the event stream is documented as the contract has it", () => {
  const operation = document.paths["/api/v1/executions/{execution_id}/events"]?.get;
  assert.ok(operation);
  const [id, timeout] = operation.parameters;
  assert.deepEqual([id?.name, id?.in, id?.required, id?.schema], ["execution_id", "path", true, { type: "string" }]);
  assert.deepEqual(timeout, {
    name: "timeout",
    in: "query",
    required: false,
    description: "Stream timeout in seconds",
    schema: { type: "number", default: 300, minimum: 1, maximum: 3600 },
  });
  assert.ok(operation.responses["200"]?.content?.["text/event-stream"]);
  for (const [status, name] of [
    ["404", "ErrorResponse"],
    ["422", "HTTPValidationError"],
    ["503", "ErrorResponse"],
  ] as const) {
    assert.deepEqual(operation.responses[status]?.content?.["application/json"]?.schema, {
      $ref: `#/components/schemas/${name}`,
    });
  }
});

test("every path of the specification is documented", () => {
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  for (const each of [
    "POST /api/v1/configs",
    "GET /api/v1/configs",
    "GET /api/v1/configs/{config_id}",
    "PUT /api/v1/configs/{config_id}",
    "DELETE /api/v1/configs/{config_id}",
    "GET /api/v1/configs/{config_id}/versions",
    "GET /api/v1/configs/{config_id}/versions/{version}",
    "POST /api/v1/configs/validate",
    "POST /api/v1/configs/{config_id}/run",
    "POST /api/v1/executions",
    "GET /api/v1/executions",
    "GET /api/v1/executions/{execution_id}",
    "PATCH /api/v1/executions/{execution_id}",
    "DELETE /api/v1/executions/{execution_id}",
    "GET /api/v1/executions/{execution_id}/events",
    "POST /api/v1/executions/{execution_id}/wait",
    "GET /api/v1/executions/{execution_id}/stats",
    "GET /api/v1/executions/{execution_id}/dag",
    "GET /api/v1/executions/{execution_id}/routes",
    "GET /api/v1/events",
    "GET /api/v1/lineage",
    "GET /api/v1/lineage/failures",
    "GET /api/v1/lineage/stats",
    "GET /api/v1/lineage/{correlation_id}",
    "GET /api/v1/lineage/{correlation_id}/chain",
    "GET /api/v1/lineage/{correlation_id}/children",
    "GET /api/v1/adapters",
    "GET /api/v1/adapters/{type}",
    "GET /api/v1/system/info",
    "GET /health/live",
    "GET /health/ready",
  ]) {
    assert.ok(documented.includes(each), each);
  }
});

test("the API's page has a policy that keeps it from asking any other host", async () => {
  const page = await fetch(`${service.base}/docs`);
  assert.equal(page.status, 200);
  assert.match(page.headers.get("content-type") ?? "", /^text\/html/);
  const policy = page.headers.get("content-security-policy") ?? "";
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /https?:|\*/);
  assert.doesNotMatch(await page.text(), /https?:\/\//);
});
