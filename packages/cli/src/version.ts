import { readFileSync } from "node:fs";

/** One version for all packages; read here, as loading the service for it takes long. */
export const VERSION: string = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
