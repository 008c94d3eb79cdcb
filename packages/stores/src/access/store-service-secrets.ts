import type { ServiceSecrets } from "@millrace/engine";
import { ask, type Scripts } from "../triggers/script.ts";

/** What the service signs with, over either database. */
export class StoreServiceSecrets implements ServiceSecrets {
  readonly #scripts: Scripts;

  constructor(scripts: Scripts) {
    this.#scripts = scripts;
  }

  obtain(name: string, fresh: string): Promise<string> {
    return this.#scripts.write(function* () {
      yield* ask("INSERT INTO service_secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", [name, fresh]);
      const [row] = yield* ask("SELECT value FROM service_secrets WHERE name = $1", [name]);
      return row === undefined ? fresh : String(row.value);
    });
  }
}
