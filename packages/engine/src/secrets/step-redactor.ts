import type { JsonObject } from "@millrace/protocol";
import { knownSecrets, MIN_SECRET_OF_STEP, Redactor } from "./redactor.ts";

/** What a step gives away is searched for the secrets of its own config. */
export class StepRedactor {
  readonly #texts = new Redactor(MIN_SECRET_OF_STEP);
  readonly #payloads = new Redactor();

  /** From now on the process knows them as well. */
  constructor(secrets: ReadonlyMap<string, string>) {
    for (const [name, value] of secrets) {
      this.#texts.add(name, value);
      this.#payloads.add(name, value);
      knownSecrets.add(name, value);
    }
  }

  /** For failures: down to secrets of four characters. */
  redact(text: string): string {
    return this.#texts.redact(text);
  }

  /** For what the step emits: from eight characters on, as short ones stand in anybody's data. */
  redactPayload(payload: JsonObject): JsonObject {
    return this.#payloads.redactObject(payload);
  }
}
