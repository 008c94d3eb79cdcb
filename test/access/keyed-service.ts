import { type Client, createClient, type Scope } from "@millrace/client";
import { ServiceProcess } from "../support/service-process.ts";

/** Long enough, and nobody's. */
export const ADMIN_KEY = "0123456789abcdef0123456789abcdef";

/** A service with access control, whose admin key is {@link ADMIN_KEY}. */
export class KeyedService implements AsyncDisposable {
  readonly process: ServiceProcess;

  private constructor(process: ServiceProcess) {
    this.process = process;
  }

  static async start(flags: readonly string[] = []): Promise<KeyedService> {
    return new KeyedService(await ServiceProcess.start(flags, { MILLRACE_ADMIN_KEY: ADMIN_KEY }));
  }

  get url(): string {
    return this.process.url;
  }

  /** A client with a key. */
  with(apiKey: string): Client {
    return createClient({ baseUrl: this.url, apiKey });
  }

  get admin(): Client {
    return this.with(ADMIN_KEY);
  }

  /** A new key of these scopes. */
  async key(scopes: Scope[], more: { readonly project?: string; readonly expires_in_days?: number } = {}) {
    return this.admin.keys.create({ name: scopes.join("+"), scopes, ...more });
  }

  /** Starts a pipeline; returns the execution's id. */
  async run(yaml: string): Promise<string> {
    const config = await this.admin.configs.create({ name: "test", config_yaml: yaml });
    return (await this.admin.executions.start({ config_id: config.id })).id;
  }

  /** A request with a credential, or without. */
  ask(path: string, key: string | null, init: RequestInit = {}): Promise<Response> {
    const credential = key === null ? {} : { authorization: `Bearer ${key}` };
    return fetch(this.url + path, { ...init, headers: { ...credential, ...(init.headers as Record<string, string>) } });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process[Symbol.asyncDispose]();
  }
}

/** A pipeline whose one message takes as long as the test does. */
export const LONG = `
version: "1.0"
routes:
  start: { adapters: [{ type: delay, config: { seconds: 600 } }] }
init_message: { route: start }
`;

/** One that is over at once. */
export const SHORT = `
version: "1.0"
routes:
  start: { adapters: [{ type: log, config: { level: debug } }] }
init_message: { route: start }
`;
