import type { Random } from "../support/random.ts";

/** What programs and people send that nobody meant: of the wrong type, at the edges, with characters that mean something. */
const TEXTS: readonly string[] = [
  "",
  " ",
  "\0",
  "a\0b",
  "\u0001\u001f\u007f",
  "\ud800",
  "x\udc00y",
  "\u2028\u2029\u0085",
  "\ufeffbom",
  "é̂ ﷽ 💥 👩‍👩‍👧 ‮rtl",
  "İıſK",
  "٣٤",
  "' OR 1=1 --",
  '"; DROP TABLE executions; --',
  "%00",
  "%",
  "%25",
  "_%_%",
  "\\",
  "$1 ${secret:X} {{7*7}}",
  "../../../../etc/passwd",
  "..",
  ".",
  "a//b/",
  "a/../b",
  "C:\\windows",
  "null",
  "undefined",
  "NaN",
  "Infinity",
  "-Infinity",
  "true",
  "0",
  "-0",
  "-1",
  "+1",
  " 1",
  "1 ",
  "1e3",
  "1e400",
  "0x10",
  "1_000",
  "007",
  "9007199254740991",
  "9007199254740993",
  "18446744073709551616",
  "99999999999999999999999999",
  "1.0000000000000001",
  "2026-02-30T00:00:00Z",
  "2026-01-01T00:00:00+25:00",
  "0000-01-01T00:00:00Z",
  "9999-12-31T23:59:60Z",
  "+275760-09-13T00:00:00.001Z",
  "00000000-0000-0000-0000-000000000000",
  "ffffffff-ffff-ffff-ffff-ffffffffffff",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "now",
  "*",
  "**",
  "?",
  "[",
  "(((((((((((((((((((((((((((((a",
  "a,b,,c,",
  ",",
  "a:b",
  "year>=x",
  ":",
  '"unbalanced',
  "NEAR(a b, 10)",
  "AND OR NOT",
  "-",
  "a* *b",
];

const OTHERS: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  1,
  -1,
  0.5,
  1e308,
  -1e308,
  5e-324,
  2 ** 31,
  2 ** 53,
  -(2 ** 53),
  2 ** 63,
  [],
  {},
  [[]],
  [null],
  { a: 1 },
  { constructor: { prototype: { polluted: true } } },
];

/** A text that nobody meant; one in twenty is long. */
export function hostileText(random: Random): string {
  if (random.chance(0.05)) return (random.chance(0.5) ? "a" : "💥").repeat(random.between(100, 5000));
  if (random.chance(0.15)) return randomText(random);
  return TEXTS[random.between(0, TEXTS.length - 1)] ?? "";
}

/** A value that nobody meant, of any type. */
export function hostileValue(random: Random): unknown {
  if (random.chance(0.5)) return hostileText(random);
  if (random.chance(0.05)) return nested(random.between(50, 260));
  if (random.chance(0.03)) return Array.from({ length: random.between(500, 3000) }, (_, index) => index);
  if (random.chance(0.03)) return Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, index]));
  // An own property of this name, as JSON can have it.
  if (random.chance(0.03)) return JSON.parse('{"__proto__": {"polluted": true}, "a": 1}');
  return OTHERS[random.between(0, OTHERS.length - 1)];
}

function randomText(random: Random): string {
  return String.fromCharCode(
    ...Array.from({ length: random.between(1, 40) }, () => random.between(0, random.chance(0.7) ? 0x7f : 0xffff)),
  );
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}
