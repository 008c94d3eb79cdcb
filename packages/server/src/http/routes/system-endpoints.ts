import { describeAdapter } from "@millrace/adapters";
import { type AdapterRegistry, pipelineJsonSchema } from "@millrace/engine";
import {
  adapterInfoSchema,
  adapterListSchema,
  type Health,
  healthSchema,
  MillraceError,
  type SystemInfo,
  systemInfoSchema,
} from "@millrace/protocol";
import { z } from "zod";
import { may } from "../../access/principal.ts";
import { statesAlone } from "../../health/health.ts";
import { type Endpoint, endpoint, errorResponses } from "../endpoint.ts";

/** What the system's endpoints stand on. */
export interface SystemEndpointParts {
  readonly adapters: AdapterRegistry;
  health(): Promise<Health>;
  info(): SystemInfo;
}

/** Adapters, the service itself, and its health. */
export function systemEndpoints({ adapters, health, info }: SystemEndpointParts): Endpoint[] {
  return [
    endpoint({
      method: "GET",
      path: "/api/v1/adapters",
      access: "read",
      summary: "List adapters",
      tag: "Adapters",
      responses: { 200: { description: "The adapters that are present", schema: adapterListSchema } },
      handler: async () => {
        const list = adapters.list().map(describeAdapter);
        return { total: list.length, adapters: list };
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/adapters/{type}",
      access: "read",
      summary: "Get an adapter",
      tag: "Adapters",
      params: z.object({ type: z.string() }),
      responses: {
        200: { description: "The adapter", schema: adapterInfoSchema },
        ...errorResponses("ADAPTER_NOT_FOUND"),
      },
      handler: async ({ params: { type } }) => {
        const adapter = adapters.list().find((each) => each.type === type);
        if (adapter === undefined)
          throw new MillraceError("ADAPTER_NOT_FOUND", `There is no adapter of type "${type.slice(0, 128)}".`);
        return describeAdapter(adapter);
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/pipeline-schema.json",
      access: "read",
      summary: "JSON Schema of a pipeline's YAML, for editors",
      tag: "System",
      responses: { 200: { description: "The schema", schema: z.record(z.string(), z.unknown()) } },
      handler: async () => pipelineJsonSchema(adapters.list()),
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/system/info",
      access: "read",
      summary: "Version, features and limits",
      tag: "System",
      responses: { 200: { description: "The service", schema: systemInfoSchema } },
      handler: async () => info(),
    }),
    ...(["live", "ready"] as const).map((kind) =>
      endpoint({
        method: "GET",
        path: `/health/${kind}`,
        access: "open",
        summary: kind === "live" ? "Whether the process works" : "Whether the service can do its work",
        ...(kind === "live"
          ? {}
          : { description: "Whoever has no credential that may read is told the states alone, without the reasons." }),
        tag: "System",
        responses: {
          200: { description: "It does", schema: healthSchema },
          503: { description: "It does not", schema: healthSchema },
        },
        handler: async ({ reply, principal }) => {
          const state = kind === "live" ? { status: "healthy" as const, components: {} } : await health();
          return reply
            .code(state.status === "unhealthy" ? 503 : 200)
            .send(may(principal, "read") ? state : statesAlone(state));
        },
      }),
    ),
  ];
}
