import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { ServiceProcess } from "../support/service-process.ts";

/** Somebody who is in a trace of their own, and calls the service. */
export class Caller {
  readonly traceId = randomBytes(16).toString("hex");
  readonly spanId = randomBytes(8).toString("hex");
  readonly headers: Record<string, string>;

  constructor({ sampled = true } = {}) {
    this.headers = {
      traceparent: `00-${this.traceId}-${this.spanId}-${sampled ? "01" : "00"}`,
      tracestate: "vendor=value",
    };
  }

  /** Stores a pipeline and starts it; returns the execution's id. */
  async run(service: Pick<ServiceProcess, "client" | "url">, yaml: string): Promise<string> {
    const config = await service.client.configs.create({ config_yaml: yaml, name: "traced" });
    const { headers } = this;
    const response = await fetch(`${service.url}/api/v1/configs/${config.id}/run`, { method: "POST", headers });
    assert.equal(response.status, 201);
    return Object(await response.json()).id;
  }
}

/** A server that notes the headers of what it is asked. */
export class Site implements AsyncDisposable {
  readonly asked: IncomingHttpHeaders[] = [];
  readonly #server = createServer((request, response) => {
    this.asked.push(request.headers);
    response.end("{}");
  });

  static async open(): Promise<Site> {
    const site = new Site();
    await new Promise<void>((resolve) => site.#server.listen(0, "127.0.0.1", resolve));
    return site;
  }

  /** A step that asks it once. */
  get step(): string {
    const address = this.#server.address();
    const port = typeof address === "object" ? address?.port : 0;
    return `{ type: http_request, config: { url: "http://127.0.0.1:${port}/" } }`;
  }

  /** A pipeline that asks it once. */
  get pipeline(): string {
    return `version: "1.0"\nroutes: { fetch: { adapters: [${this.step}] } }\ninit_message: { route: fetch }\n`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A pipeline of three routes, one of whose messages fails at first. */
export const RETRIED = `version: "1.0"
name: orders
routes:
  make: { adapters: [{ type: generate, config: { count: 2 } }], outbound: [work] }
  work:
    error_handling: { max_retries: 2, retry_delay_seconds: 0.01 }
    adapters:
      - { type: log, config: { message: "order \${index}" } }
      - { type: fail, config: { attempts: 1, when: "index = 1", code: FLAKY } }
    outbound: [keep]
  keep: { adapters: [{ type: store_write, config: { name: "\${index}.json" } }] }
init_message: { route: make }
`;

/** Its trace, from the execution on. */
export const RETRIED_TREE: readonly string[] = [
  "execution traced",
  "  process make",
  "    generate",
  "    process work",
  "      log",
  "      fail",
  "      process keep",
  "        store_write",
  "    process work",
  "      attempt 1 !",
  "        log",
  "        fail !",
  "      attempt 2",
  "        log",
  "        fail",
  "      process keep",
  "        store_write",
];

/** Adapters and webhooks may ask the servers of tests. */
export const ALLOWED: readonly string[] = ["--http-allow-hosts", "127.0.0.1"];
