import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * An adapter of the user's own, of type `held`: a message waits in it until it is let through. With
 * `config: { busy: true }` it waits as a computation does, with the whole thread.
 */
export class HeldAdapter {
  /** Others may stand beside it. */
  readonly folder = mkdtempSync(join(tmpdir(), "millrace-held-"));
  readonly #file = join(this.folder, "held.ts");
  readonly #count = join(this.folder, "let-through");

  constructor() {
    this.letThrough(0);
    writeFileSync(
      this.#file,
      `import { readFileSync } from "node:fs";
import { defineAdapter, z } from "millrace";
const isHeld = ({ index = 0 }) => Number(readFileSync(${JSON.stringify(this.#count)}, "utf8")) <= index;
export default defineAdapter({
  type: "held",
  description: "Waits until it is let through.",
  config: z.strictObject({ busy: z.boolean().default(false) }),
  async process({ payload }, { config, signal }) {
    while (isHeld(payload) && !signal.aborted)
      if (!config.busy) await new Promise((resolve) => setTimeout(resolve, 5));
    return payload;
  },
});
`,
    );
  }

  /** What a service is started with to have it. */
  get flags(): readonly string[] {
    return ["--adapters-dir", this.folder];
  }

  /** Lets so many messages through in all: those with an `index` below; without one it is 0. */
  letThrough(count: number): void {
    writeFileSync(`${this.#count}.new`, String(count));
    renameSync(`${this.#count}.new`, this.#count);
  }

  /** A service that starts does not find it. */
  takeAway(): void {
    renameSync(this.#file, `${this.#file}.gone`);
  }

  putBack(): void {
    renameSync(`${this.#file}.gone`, this.#file);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
