/** An adapter of the user's own that lets its secret slip in every way there is. */
export const SPILL = `
import { AdapterError, defineAdapter, z } from "millrace";

const formsOf = (secret) => [
  secret,
  JSON.stringify({ secret }),
  JSON.stringify(JSON.stringify(secret)),
  encodeURIComponent(secret),
  "?" + new URLSearchParams({ key: secret }),
  "Basic " + Buffer.from("user:" + secret).toString("base64"),
  Buffer.from(secret).toString("base64url"),
  Buffer.from(secret).toString("hex"),
].join(" | ");

const ways = {
  throw: ({ all }) => { throw new Error(all); },
  throw_text: ({ all }) => { throw all; },
  throw_object: ({ secret }) => { throw { secret, nested: [{ secret }] }; },
  throw_cause: ({ all }) => { throw new Error("outer", { cause: new Error(all) }); },
  throw_code: ({ secret }) => { throw new AdapterError(secret, "see the code", { retryable: false }); },
  throw_cut: ({ secret }) => { throw new Error("x".repeat(1985) + secret + "y".repeat(100)); },
  throw_late: async ({ all }) => { await new Promise((resolve) => setImmediate(resolve)); throw new Error(all); },
  log: ({ all, secret }, { log }) => {
    for (const level of ["debug", "info", "warn", "error"]) log[level](level + " " + all, { secret, nested: { all } });
    return { logged: true };
  },
  console: ({ all }) => {
    console.log(all);
    console.error(new Error(all));
    process.stdout.write(Buffer.from(all + "\\n"));
    process.stderr.write(all + "\\n");
    return { printed: true };
  },
  emit: ({ all, secret }) => ({ [secret]: 1, all, deep: [{ list: [secret] }], safe: "kept" }),
  emit_many: function* ({ secret }) { yield { secret }; yield { also: "a" + secret + "b" }; },
  emit_wrong: ({ secret }) => secret,
  escape: ({ all }) => new Promise(() => { setTimeout(() => { throw new Error(all); }, 1); }),
};

export default defineAdapter({
  type: "spill",
  description: "Lets its secret slip.",
  config: z.strictObject({ secret: z.string(), how: z.enum(Object.keys(ways)) }),
  process(message, context) {
    const { secret, how } = context.config;
    return ways[how]({ secret, all: formsOf(secret) }, context);
  },
});
`;

/** All that it does. */
export const WAYS = [
  ...["throw", "throw_text", "throw_object", "throw_cause", "throw_code", "throw_cut", "throw_late"],
  ...["log", "console", "emit", "emit_many", "emit_wrong", "escape"],
];
