import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Script, Scripts } from "../triggers/script.ts";
import type { Committer } from "./committer.ts";

/** Runs scripts in the groups of the one writer. */
export class SqliteScripts implements Scripts {
  readonly #database: DatabaseSync;
  readonly #committer: Committer;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, committer: Committer) {
    this.#database = database;
    this.#committer = committer;
  }

  write<T>(script: () => Script<T>): Promise<T> {
    return this.#committer.submit(() => this.#run(script), { patient: false, weight: 0 });
  }

  read<T>(script: () => Script<T>): Promise<T> {
    return this.#committer.read(() => this.#run(script));
  }

  #run<T>(script: () => Script<T>): T {
    const running = script();
    let step = running.next();
    while (!step.done) {
      const { text, values } = step.value;
      step = running.next(this.#prepare(text).all(...values));
    }
    return step.value;
  }

  #prepare(text: string): StatementSync {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(text.replaceAll(/\$(\d+)/g, "?$1"));
    this.#statements.set(text, statement);
    return statement;
  }
}
