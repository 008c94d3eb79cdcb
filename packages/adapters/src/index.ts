export { builtinAdapters } from "./builtin.ts";
export { createAdapterRegistry, describeAdapter, type RegistryOptions } from "./registry.ts";
export { AdapterThreadPool, type AdapterThreadPoolOptions } from "./threads/thread-pool.ts";
