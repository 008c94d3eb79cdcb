import { frameFuzzers } from "./frames-fuzzer.ts";
import type { Fuzzer } from "./fuzzer.ts";
import { smallFuzzers } from "./small-fuzzers.ts";
import { yamlFuzzer } from "./yaml-fuzzer.ts";

/** Everything that reads texts of others, held against texts that nobody meant. */
export const allFuzzers: readonly Fuzzer[] = [yamlFuzzer, ...smallFuzzers, ...frameFuzzers];
