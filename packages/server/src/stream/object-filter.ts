import { type KeyParts, partsOfKey } from "@millrace/protocol";
import { chooseFrames, type FrameFilter, sorted } from "./frame-filter.ts";
import { matchesGlob } from "./glob.ts";

const KEY = Buffer.from('data: {"key":');
const COMMA = Buffer.from(',"execution_id":');

/** What objects are chosen by; an empty list chooses all. */
export interface ObjectChoice {
  readonly stages: readonly string[];
  readonly paths: readonly string[];
  /** Without the dot that they begin with. */
  readonly extensions: readonly string[];
}

/** Chooses objects by their keys, which their frames begin with. */
export class ObjectFilter implements FrameFilter {
  readonly key: string;
  readonly #choice: ObjectChoice;

  private constructor(choice: ObjectChoice) {
    this.key = JSON.stringify([sorted(choice.stages), sorted(choice.paths), sorted(choice.extensions)]);
    this.#choice = { ...choice, extensions: choice.extensions.map((extension) => `.${extension.toLowerCase()}`) };
  }

  /** Null where everything is chosen. */
  static of(choice: ObjectChoice): ObjectFilter | null {
    const { stages, paths, extensions } = choice;
    return stages.length + paths.length + extensions.length === 0 ? null : new ObjectFilter(choice);
  }

  /** @see FrameFilter */
  apply(frames: Buffer): Buffer {
    return chooseFrames(frames, (all, at) => {
      const start = all.indexOf(KEY, at) + KEY.length;
      const key: unknown = JSON.parse(all.toString("utf8", start, all.indexOf(COMMA, start)));
      return typeof key === "string" && this.#chooses(key, partsOfKey(key));
    });
  }

  #chooses(key: string, parts: KeyParts | null): boolean {
    if (parts === null) return false;
    const { stages, paths, extensions } = this.#choice;
    const name = parts.name.toLowerCase();
    return (
      (stages.length === 0 || (parts.stage !== null && stages.includes(parts.stage))) &&
      (extensions.length === 0 || extensions.some((extension) => name.endsWith(extension))) &&
      (paths.length === 0 || paths.some((path) => matchesGlob(path.startsWith("executions/") ? key : parts.name, path)))
    );
  }
}
