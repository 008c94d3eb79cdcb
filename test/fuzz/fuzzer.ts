import fc from "fast-check";

/** A property that is held against many inputs. */
export interface Fuzzer {
  readonly name: string;
  /** Inputs in `npm test`. */
  readonly runs: number;
  property(): fc.IRawProperty<unknown>;
}

/** Describes a fuzzer: inputs, and what must be so for each of them. It throws where it is not. */
export function fuzzer<T>(
  name: string,
  runs: number,
  inputs: fc.Arbitrary<T>,
  holds: (input: T) => Promise<void>,
): Fuzzer {
  return { name, runs, property: () => fc.asyncProperty(inputs, holds) };
}

/**
 * Holds it against `runs` inputs of a seed; the failing one is shrunk.
 * @throws Error with the input, and the seed and path that bring it again
 */
export async function run({ property }: Fuzzer, runs: number, seed: number, path?: string): Promise<void> {
  await fc.assert(property(), { numRuns: runs, seed, endOnFailure: false, ...(path === undefined ? {} : { path }) });
}

/** Texts with what means something to those that read texts, beside any others. */
export function texts(...words: readonly string[]): fc.Arbitrary<string> {
  const word = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...words) },
    { weight: 2, arbitrary: fc.string({ maxLength: 6 }) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 4 }) },
    { weight: 1, arbitrary: fc.integer().map(String) },
  );
  return fc.array(word, { maxLength: 40 }).map((parts) => parts.join(""));
}

/** A text with some places changed: something cut out, put in, doubled, or moved. */
export function mutated(of: readonly string[], ...words: readonly string[]): fc.Arbitrary<string> {
  const change = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(60), fc.nat(4), texts(...words));
  return fc.tuple(fc.constantFrom(...of), fc.array(change, { minLength: 1, maxLength: 6 })).map(([text, changes]) =>
    changes.reduce((changed, [place, length, kind, put]) => {
      const at = Math.floor(place * changed.length);
      const part = changed.slice(at, at + length);
      switch (kind) {
        case 0:
          return changed.slice(0, at) + changed.slice(at + length);
        case 1:
          return changed.slice(0, at) + put + changed.slice(at);
        case 2:
          return changed.slice(0, at) + put + changed.slice(at + length);
        case 3:
          return changed.slice(0, at) + part.repeat(3) + changed.slice(at);
        default:
          return changed.slice(at + length) + part;
      }
    }, text),
  );
}
