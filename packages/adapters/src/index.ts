export { builtinAdapters } from "./builtin.ts";
export { type AdapterEnvironment, type AdapterGrants, adapterEnvironment, USER_AGENT } from "./environment.ts";
export { type FilePlaces, type FileRules, filePlaces, NOT_GRANTED } from "./file-places.ts";
export { type HttpAnswer, HttpClient, type HttpClientOptions, type HttpRequest } from "./http/http-client.ts";
export { embedQuery } from "./models/embed-query.ts";
export { createAdapterRegistry, describeAdapter, type RegistryOptions } from "./registry.ts";
export { AdapterThreadPool, type AdapterThreadPoolOptions } from "./threads/thread-pool.ts";
