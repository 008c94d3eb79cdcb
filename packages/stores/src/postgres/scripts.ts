import type { Query, Script, Scripts } from "../triggers/script.ts";
import { changing } from "./changing.ts";
import type { Row } from "./columns.ts";
import type { Database } from "./database.ts";

const LOCKS = { wait: "FOR NO KEY UPDATE", free: "FOR NO KEY UPDATE SKIP LOCKED" } as const;

/** Runs each script in a transaction of its own. */
export class PostgresScripts implements Scripts {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  write<T>(script: () => Script<T>): Promise<T> {
    return changing(this.#database, (ask) => run(script, (query) => ask(textOf(query), query.values)));
  }

  read<T>(script: () => Script<T>): Promise<T> {
    return run(script, (query) => this.#database.read(textOf(query), query.values));
  }
}

async function run<T>(script: () => Script<T>, ask: (query: Query) => Promise<readonly Row[]>): Promise<T> {
  const running = script();
  let step = running.next();
  while (!step.done) step = running.next(await ask(step.value));
  return step.value;
}

function textOf({ text, lock }: Query): string {
  return lock === undefined ? text : `${text} ${LOCKS[lock]}`;
}
