/**
 * What is there in the world of a script besides the language: `log`. It is made of text, so that no object of ours is
 * in there; what it needs of the language it takes before the script can change it.
 */
export const REALM = `(() => {
  "use strict";
  const { parse, stringify } = JSON;
  const { isArray } = Array;
  const text = String;
  const iterator = Symbol.iterator;
  const asyncIterator = Symbol.asyncIterator;
  const exec = RegExp.prototype.exec;
  const apply = Reflect.apply;
  const fail = Error;
  let lines = [];
  delete globalThis.console;
  globalThis.log = (line) => {
    if (lines.length < 100) lines[lines.length] = text(line).slice(0, 2000);
  };
  const isObject = (value) => typeof value === "object" && value !== null && !isArray(value);
  const checked = (value) => {
    if (isObject(value)) return value;
    throw new fail("it emitted " + (value === null ? "null" : isArray(value) ? "a list in a list" : "a " + typeof value) + "; a message's payload is an object");
  };
  const describe = (error) => {
    try {
      const stack = typeof error === "object" && error !== null ? text(error.stack) : "";
      const found = apply(exec, /script:(\\d+):(\\d+)/, [stack]);
      const message = typeof error === "object" && error !== null && "message" in error ? text(error.message) : text(error);
      const retryable = typeof error === "object" && error !== null && error.retryable === true;
      return { message: message.slice(0, 1000), place: found === null ? null : "line " + found[1] + ", column " + found[2], retryable };
    } catch {
      return { message: "it threw something that cannot be shown", place: null, retryable: false };
    }
  };
  let next = null;
  // Called by a script of one line, so that its time is bounded from within as well.
  Object.defineProperty(globalThis, "__begin", {
    value: () => {
      const call = next;
      next = null;
      return call === null ? undefined : drive(call);
    },
  });
  const drive = async ({ run, payloadJson, messageJson, maxMessages }) => {
    lines = [];
    const log = lines;
    try {
      const emits = [];
      const take = (value) => {
        if (emits.length >= maxMessages) throw new fail("it emitted more than " + maxMessages + " messages (max_messages)");
        emits[emits.length] = checked(value);
      };
      const result = await run(parse(payloadJson), parse(messageJson));
      if (result === undefined || result === null) return stringify({ emits, log });
      if (typeof result === "object" && typeof result[asyncIterator] === "function") for await (const value of result) take(value);
      else if (typeof result === "object" && typeof result[iterator] === "function") for (const value of result) take(value);
      else take(result);
      return stringify({ emits, log });
    } catch (error) {
      return stringify({ error: describe(error), log });
    }
  };
  return (run, payloadJson, messageJson, maxMessages) => {
    next = { run, payloadJson, messageJson, maxMessages };
  };
})()`;
