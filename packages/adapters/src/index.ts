export { builtinAdapters } from "./builtin.ts";
export { createAdapterRegistry, describeAdapter, type RegistryOptions } from "./registry.ts";
