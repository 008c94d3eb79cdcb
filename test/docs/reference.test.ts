import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DEFAULT_ERROR_HANDLING, DEFAULT_LIMITS, DEFAULT_THREAD_HEAP_MB, pipelineJsonSchema } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import type { OpenApiDocument } from "../../packages/server/src/http/openapi.ts";
import { apiPreamble } from "../../scripts/api-examples.ts";
import { exampleOf, operationsOf } from "../../scripts/api-pages.ts";
import { referencePages } from "../../scripts/reference-pages.ts";
import { objectOf } from "../../scripts/schema-words.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { ROOT } from "./pages.ts";

const FOLDER = join(ROOT, "docs", "reference");

let service: ServiceProcess;
before(async () => {
  service = await ServiceProcess.start();
});
after(() => service[Symbol.asyncDispose]());

test("the reference of the API, the YAML, events and error codes says what their schemas say", async () => {
  const pages = await referencePages();
  for (const [name, text] of pages) {
    assert.equal(readFileSync(join(FOLDER, name), "utf8"), text, `${name} is not current: run npm run docs`);
  }
  const written = readdirSync(join(FOLDER, "api")).map((name) => `api/${name}`);
  assert.deepEqual(
    written.filter((name) => !pages.has(name)),
    [],
  );
});

test("every example of the API's reference is answered with success", async () => {
  const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as OpenApiDocument;
  const operations = operationsOf(document);
  assert.ok(operations.length > 30);
  // What is deleted, later examples could not use.
  const inOrder = [...operations.filter(isKept), ...operations.filter((each) => !isKept(each))];
  const script = [apiPreamble, 'curl() { command curl --fail-with-body --silent --show-error "$@"; }'];
  for (const each of inOrder) script.push(`echo "> ${each.method} ${each.path}" >&2`, exampleOf(each));
  const { code, stderr } = await runScript(script.join("\n"));
  assert.equal(code, 0, stderr);
});

test("the defaults that the reference of the YAML shows are those that the engine applies", () => {
  const document = pipelineJsonSchema([]);
  const defaults = (...path: string[]) =>
    Object.fromEntries(
      Object.entries(objectOf(path.reduce((schema, name) => objectOf(schema[name]), document).properties))
        .map(([name, field]) => [name, objectOf(field).default] as const)
        .filter(([, value]) => value !== undefined),
    );
  const { retryDelayMs, maxDelayMs, timeoutMs, maxRetries, onError, backoff, jitter } = DEFAULT_ERROR_HANDLING;
  assert.deepEqual(defaults("properties", "error_handling"), {
    max_retries: maxRetries,
    retry_delay_seconds: retryDelayMs / 1000,
    backoff,
    max_delay_seconds: maxDelayMs / 1000,
    jitter,
    timeout_seconds: timeoutMs / 1000,
    on_error: onError,
  } satisfies JsonObject);
  assert.deepEqual(defaults("properties", "limits"), {
    max_handlers: DEFAULT_LIMITS.maxHandlers,
    max_fanout_pending: DEFAULT_LIMITS.maxFanoutPending,
    max_hops: DEFAULT_LIMITS.maxHops,
    max_messages: DEFAULT_LIMITS.maxMessages,
  } satisfies JsonObject);
  assert.deepEqual(defaults(), { isolation: "none", thread_heap_mb: DEFAULT_THREAD_HEAP_MB });
});

const isKept = ({ method }: { readonly method: string }) => method !== "DELETE";

/** Runs it as a reader would, against the service of the test. */
async function runScript(script: string): Promise<{ code: number | null; stderr: string }> {
  const child = spawn("bash", ["-euo", "pipefail", "-c", script.replaceAll("http://127.0.0.1:8000", service.url)], {
    cwd: ROOT,
    env: { ...process.env, MILLRACE_URL: service.url },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stderr }));
  });
}
