export { builtinAdapters } from "./builtin.ts";
export { embedQuery } from "./models/embed-query.ts";
export { createAdapterRegistry, describeAdapter, type RegistryOptions } from "./registry.ts";
export { AdapterThreadPool, type AdapterThreadPoolOptions } from "./threads/thread-pool.ts";
