import { constants, createContext, runInContext, Script } from "node:vm";
import { harden } from "./harden.ts";
import type { ScriptAnswer, ScriptCall, ScriptSetup } from "./script-messages.ts";
import { REALM } from "./script-realm.ts";

type Prepare = (run: unknown, payloadJson: string, messageJson: string, maxMessages: number) => void;

/** The service ends the process long before; this ends a script whose service is gone. */
const ORPHAN_FACTOR = 2;

const sendRaw = process.send?.bind(process);
if (sendRaw === undefined) throw new Error("This is the code of a process of the service's.");
const send = (answer: ScriptAnswer) => void sendRaw(answer);

// A global object of the other world's own: nothing in there leads here.
const realm = createContext(constants.DONT_CONTEXTIFY, { codeGeneration: { strings: false, wasm: false } });
const language = new Set<string>(runInContext("Object.getOwnPropertyNames(globalThis)", realm) as string[]);
// As REALM has it.
const prepare = runInContext(REALM, realm) as Prepare;
const begin = new Script("__begin()", { filename: "begin" });

let setup: ScriptSetup | null = null;
let script: Script | null = null;
let run: unknown;
let failure: string | null = null;

process.on("message", (message: ScriptSetup | ScriptCall) => {
  if ("code" in message) {
    setup = message;
    script = new Script(`${message.code}\n;process`, { filename: message.name, columnOffset: message.columnOffset });
    harden(language);
    send({ kind: "ready" });
    return;
  }
  if (setup !== null && script !== null) answer(message, setup, script);
});

function answer({ payloadJson, messageJson }: ScriptCall, { maxMessages, timeMs }: ScriptSetup, whole: Script): void {
  const timeout = Math.ceil(timeMs * ORPHAN_FACTOR);
  try {
    if (failure === null) run ??= whole.runInContext(realm, { timeout });
  } catch (error) {
    failure = describe(error);
  }
  if (failure !== null) {
    send({ kind: "answer", json: JSON.stringify({ error: { message: failure, place: null, retryable: false } }) });
    return;
  }
  prepare(run, payloadJson, messageJson, maxMessages);
  // What __begin returns: a promise of the other world.
  const done = begin.runInContext(realm, { timeout }) as Promise<unknown>;
  done.then(
    (json) => send({ kind: "answer", json: typeof json === "string" ? json : "" }),
    () => send({ kind: "answer", json: "" }),
  );
}

/** What the script's own top threw: an object of the other world, of which only texts are taken. */
function describe(error: unknown): string {
  try {
    const { message } = Object(error) as { message?: unknown };
    return typeof message === "string" ? message.slice(0, 1000) : "it threw something that cannot be shown";
  } catch {
    return "it threw something that cannot be shown";
  }
}
