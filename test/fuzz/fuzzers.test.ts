import { test } from "node:test";
import { allFuzzers } from "./all-fuzzers.ts";
import { run } from "./fuzzer.ts";

for (const fuzzer of allFuzzers) test(fuzzer.name, () => run(fuzzer, fuzzer.runs, 20_26));
