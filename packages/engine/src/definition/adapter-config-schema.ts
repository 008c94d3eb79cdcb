import type { JsonObject } from "@millrace/protocol";
import type { AnyAdapter } from "../adapter.ts";
import { ConfigSchema } from "./config-schema.ts";

/** The JSON Schema of what may be written in an adapter's `config`; empty (anything) where it has no such form. */
export function configSchema(adapter: AnyAdapter): JsonObject {
  const { $schema: _, ...schema } = ConfigSchema.of(adapter.config)?.root ?? {};
  return schema;
}
