import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServiceProcess } from "../support/service-process.ts";

/** An adapter of the user's own that writes what its message says, in the order given. */
const WRITER = `
import { defineAdapter, z } from "millrace";
export default defineAdapter({
  type: "writer",
  description: "Writes the objects that its message lists.",
  config: z.strictObject({}),
  async process({ payload, executionId, route, id }, { objects }) {
    const below = "executions/" + executionId + "/" + route + "/";
    for (const { key, text = "x", bytes, type = "text/plain", remove, elsewhere, fail } of payload.writes) {
      if (fail) throw new Error(fail);
      if (remove !== undefined) { await objects.deleteAll(below + remove); continue; }
      const body = bytes === undefined ? Buffer.from(text) : Buffer.alloc(bytes, text);
      const metadata = { contentType: type, messageId: id, createdAt: new Date().toISOString() };
      await objects.put(elsewhere ?? below + key, body, metadata);
    }
  },
});
`;

/** One thing that the adapter `writer` is to do. */
export interface Write {
  /** Stage and name. */
  readonly key?: string;
  readonly text?: string;
  /** So many of `text`. */
  readonly bytes?: number;
  readonly type?: string;
  /** A stage and the beginning of names. */
  readonly remove?: string;
  /** A whole key. */
  readonly elsewhere?: string;
  readonly fail?: string;
}

/** A service with the adapter `writer`. */
export class StorageService {
  readonly service: ServiceProcess;
  readonly #adapters: string;

  private constructor(service: ServiceProcess, adapters: string) {
    this.service = service;
    this.#adapters = adapters;
  }

  static async start(flags: readonly string[] = []): Promise<StorageService> {
    const adapters = mkdtempSync(join(tmpdir(), "millrace-storage-"));
    writeFileSync(join(adapters, "writer.ts"), WRITER);
    return new StorageService(await ServiceProcess.start(["--adapters-dir", adapters, ...flags]), adapters);
  }

  get api(): string {
    return `${this.service.url}/api/v1`;
  }

  /** The folder that the objects are in. */
  get folder(): string {
    return join(this.service.dataDir, "objects");
  }

  /** Runs `writer` in the route `put` to its end; returns the execution's id. */
  async write(
    writes: readonly Write[],
    { tag, more = "", failed = 0 }: { tag?: string; more?: string; failed?: number } = {},
  ): Promise<string> {
    const id = await this.service.run(
      `
version: "1.0"
name: writes
error_handling: { max_retries: 0, on_error: continue }
routes: { put: { ${more} adapters: [{ type: writer }] } }
init_message: { route: put, payload: { writes: [] } }
`,
      { writes },
      tag === undefined ? "" : `?tag=${tag}`,
    );
    const { status, stats } = await this.service.client.executions.wait(id, 60);
    if (status !== "completed" || stats.failed_messages !== failed) throw new Error(`${id} is ${status}`);
    return id;
  }

  /** Asks for a path of the object store. */
  get(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
    return fetch(`${this.api}/storage/${path}`, { method, headers });
  }

  /** The keys of a list, behind `executions/{id}/`. */
  async keys(id: string, query = ""): Promise<string[]> {
    const response = await this.get(`objects?execution_id=${id}${query}`);
    const { objects } = (await response.json()) as { objects: { key: string }[] };
    return objects.map(({ key }) => key.split("/").slice(2).join("/"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service[Symbol.asyncDispose]();
    rmSync(this.#adapters, { recursive: true, force: true });
  }
}
