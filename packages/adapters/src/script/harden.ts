import { registerHooks } from "node:module";

/** What a script could do to this process and others, or get at modules by. */
const POWERS = [
  "kill",
  "_kill",
  "abort",
  "exit",
  "reallyExit",
  "dlopen",
  "binding",
  "_linkedBinding",
  "getBuiltinModule",
  "_debugProcess",
  "_debugEnd",
  "_startProfilerIdleNotifier",
  "_stopProfilerIdleNotifier",
  "chdir",
  "umask",
  "execve",
  "loadEnvFile",
  "setSourceMapsEnabled",
  "mainModule",
  "report",
  "finalization",
  "_getActiveHandles",
  "_getActiveRequests",
  "_rawDebug",
] as const;

/**
 * Takes from this process what a script might get at if it got out of its own world: by an error that Node.js made, say.
 * `language` are the names of what belongs to the language; of everything else nothing is left. To be called once all
 * that is needed is loaded.
 */
export function harden(language: ReadonlySet<string>): void {
  registerHooks({
    resolve(specifier) {
      throw new Error(`A script imports nothing: ${specifier}`);
    },
  });
  for (const name of POWERS) Reflect.deleteProperty(process, name);
  // The permission to read this file was needed to load it.
  process.permission?.drop?.("fs.read");
  const intrinsics = [...language].flatMap((name) => {
    const value: unknown = Reflect.get(globalThis, name);
    return typeof value === "function" || (typeof value === "object" && value !== null && value !== globalThis)
      ? [value]
      : [];
  });
  for (const name of Reflect.ownKeys(globalThis)) {
    if (typeof name !== "string" || !language.has(name)) Reflect.deleteProperty(globalThis, name);
  }
  // What makes code of text: each kind of function has one, and its instances lead there.
  const kinds = [() => {}, async () => {}, function* () {}, async function* () {}];
  for (const kind of kinds) {
    const value = undefined;
    Object.defineProperty(Object.getPrototypeOf(kind), "constructor", { value, writable: false, configurable: false });
  }
  for (const name of ["Function", "eval", "WebAssembly", "SharedArrayBuffer"]) Reflect.deleteProperty(globalThis, name);
  for (const each of intrinsics) {
    const prototype: unknown = Reflect.get(each, "prototype");
    // That of functions is one itself.
    if (typeof prototype === "function" || (typeof prototype === "object" && prototype !== null))
      Object.freeze(prototype);
    Object.freeze(each);
  }
}
