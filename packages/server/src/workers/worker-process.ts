// Half of the start, and of the memory, would go into compiling: the command line keeps the compiled code, too.
import module from "node:module";

module.enableCompileCache();
await import("./worker.ts");
