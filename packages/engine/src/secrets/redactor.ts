import type { JsonObject, JsonValue } from "@millrace/protocol";
import { type Form, formsOf } from "./forms.ts";

/** The shortest secret that a step's failures are searched for: a shorter one would take half of the message with it. */
export const MIN_SECRET_OF_STEP = 4;

/** The shortest secret that everything is searched for, in characters. */
export const MIN_SECRET = 8;

/** Secrets that are known at once; those that were told first are forgotten first. */
const MAX_KNOWN = 10_000;

/** A secret of which only the beginning is there, where a text was cut, is known by so many characters. */
const MIN_CUT = 8;

/** The least number that has as many digits. */
const LEAST_NUMBER = 10 ** (MIN_SECRET - 1);

/** Forms are looked up by so many characters: none is shorter. */
const KEY = MIN_SECRET_OF_STEP;

/** A secret: what it is called, and how it may stand in a text. */
interface Known {
  readonly name: string;
  readonly forms: readonly Form[];
}

interface KnownForm extends Form {
  readonly name: string;
}

interface Compiled {
  readonly pattern: RegExp;
  readonly forms: ReadonlyMap<string, readonly KnownForm[]>;
}

/**
 * Puts `[secret NAME]` in place of the secrets that it was told of, in whichever form they stand in a text. While it knows
 * none a text costs a comparison.
 */
export class Redactor {
  readonly #least: number;
  /** By value. */
  readonly #known = new Map<string, Known>();
  #compiled: Compiled | null = null;

  /** `least`: shorter values are not taken. */
  constructor(least: number = MIN_SECRET) {
    this.#least = Math.max(KEY, least);
  }

  /** From now on `value` is called `name`. */
  add(name: string, value: string): void {
    if (value.length < this.#least) return;
    const before = this.#known.get(value);
    if (before?.name === name) return;
    // Worked out once: all known ones are put together anew whenever there is one more.
    this.#known.set(value, { name, forms: before?.forms ?? formsOf(value) });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    this.#compiled = null;
  }

  /** The text without secrets; the same one where it has none. */
  redact(text: string): string {
    if (this.#known.size === 0) return text;
    this.#compiled ??= compile(this.#known.values());
    const { pattern, forms } = this.#compiled;
    let redacted = "";
    let done = 0;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      const at = match.index;
      const found = longest(forms.get(text.slice(at, at + KEY)) ?? [], text, at);
      if (found === null) {
        // What is not one here may be one a character further on.
        pattern.lastIndex = at + 1;
        continue;
      }
      const [from, to] = found.form.packed ? whole(text, at, found.to, done) : [at, found.to];
      redacted += `${text.slice(done, from)}[secret ${found.form.name}]`;
      done = to;
      pattern.lastIndex = to;
    }
    return done === 0 ? text : redacted + text.slice(done);
  }

  /** An object without secrets in any of its texts and keys; the same one where it has none. */
  redactObject(object: JsonObject): JsonObject {
    // An object's value is an object.
    return this.#known.size === 0 ? object : (this.#redactValue(object) as JsonObject);
  }

  /** `around`: what the value is in. What is in itself cannot be written as JSON, which is said elsewhere. */
  #redactValue(value: JsonValue, around: Set<JsonValue> = new Set()): JsonValue {
    if (typeof value === "string") return this.redact(value);
    if (typeof value === "number") return this.#redactNumber(value);
    if (typeof value !== "object" || value === null || around.has(value)) return value;
    around.add(value);
    const redacted = Array.isArray(value) ? this.#redactList(value, around) : this.#redactFields(value, around);
    around.delete(value);
    return redacted;
  }

  /** Whoever reads digits may say them back as a number. */
  #redactNumber(value: number): JsonValue {
    const known = value < LEAST_NUMBER ? undefined : this.#known.get(String(value));
    return known === undefined ? value : `[secret ${known.name}]`;
  }

  #redactList(list: JsonValue[], around: Set<JsonValue>): JsonValue[] {
    let changed: JsonValue[] | null = null;
    for (const [index, item] of list.entries()) {
      // As those of an embedding.
      if (typeof item === "number") continue;
      const redacted = this.#redactValue(item, around);
      if (redacted === item) continue;
      changed ??= [...list];
      changed[index] = redacted;
    }
    return changed ?? list;
  }

  #redactFields(object: JsonObject, around: Set<JsonValue>): JsonObject {
    let changed = false;
    const entries: [string, JsonValue][] = [];
    for (const [key, item] of Object.entries(object)) {
      const entry: [string, JsonValue] = [this.redact(key), this.#redactValue(item, around)];
      changed ||= entry[0] !== key || entry[1] !== item;
      entries.push(entry);
    }
    return changed ? Object.fromEntries(entries) : object;
  }
}

/**
 * All secrets that this process has been given: those of pipelines, and its own credentials. One for the process, as what
 * an adapter of one run lets slip may come out in whatever else the process says.
 */
export const knownSecrets = new Redactor();

function compile(known: Iterable<Known>): Compiled {
  const forms = new Map<string, KnownForm[]>();
  const beginnings = new Set<string>();
  for (const { name, forms: own } of known) {
    for (const { text, packed } of own) {
      if (text.length < KEY) continue;
      const key = text.slice(0, KEY);
      const those = forms.get(key);
      if (those === undefined) forms.set(key, [{ text, packed, name }]);
      else those.push({ text, packed, name });
      beginnings.add(text.slice(0, MIN_CUT));
    }
  }
  const pattern = [...beginnings].map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|");
  return { pattern: new RegExp(pattern, "g"), forms };
}

/** The form that takes most of the text from `at` on: as a whole, or up to where the text was cut. */
function longest(
  forms: readonly KnownForm[],
  text: string,
  at: number,
): { readonly form: KnownForm; readonly to: number } | null {
  let best: { form: KnownForm; to: number } | null = null;
  for (const form of forms) {
    const to = text.startsWith(form.text, at) ? at + form.text.length : cutAt(form.text, text, at);
    if (to !== null && to > (best?.to ?? at)) best = { form, to };
  }
  return best;
}

/** Where the text ends, or was cut, within the form that begins at `at`; null where something else follows. */
function cutAt(form: string, text: string, at: number): number | null {
  let length = 0;
  while (length < form.length && text[at + length] === form[length]) length += 1;
  if (length < MIN_CUT) return null;
  const to = at + length;
  return to === text.length || text[to] === "…" || text[to] === '"' || text.startsWith("...", to) ? to : null;
}

const PACKED = /[A-Za-z0-9+/_-]/;

/** The whole of the Base64 that a form stands in. */
function whole(text: string, at: number, end: number, least: number): [from: number, to: number] {
  let from = at;
  while (from > least && PACKED.test(text[from - 1] ?? "")) from -= 1;
  let to = end;
  while (PACKED.test(text[to] ?? "")) to += 1;
  while (text[to] === "=") to += 1;
  return [from, to];
}
