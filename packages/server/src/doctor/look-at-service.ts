import { type Health, healthStatusSchema, systemInfoSchema } from "@millrace/protocol";
import { z } from "zod";
import { messageOf } from "./words.ts";

/** What answers at an address. */
export type ServiceLook =
  | {
      readonly kind: "answered";
      readonly url: string;
      readonly live: boolean;
      readonly ready: Health;
      /** Null where it does not say, as to one who may not ask. */
      readonly version: string | null;
      /** Milliseconds by which its clock is ahead of this machine's, to the second; null where it does not tell. */
      readonly skewMs: number | null;
    }
  /** Something else than Millrace. */
  | { readonly kind: "stranger"; readonly url: string; readonly message: string }
  | { readonly kind: "silent"; readonly url: string; readonly message: string };

/** As versions before and after this one answer. */
const anyHealthSchema = z.object({
  status: healthStatusSchema,
  components: z.record(
    z.string(),
    z.object({
      status: healthStatusSchema,
      detail: z.string().nullable().default(null),
      advice: z.string().nullable().default(null),
    }),
  ),
});

/** Milliseconds that an answer may take. */
const PATIENCE_MS = 5_000;

/** Asks a service how it is. `headers`: what it is asked with, as a credential. */
export async function lookAtService(url: string, headers: Readonly<Record<string, string>> = {}): Promise<ServiceLook> {
  const ask = (path: string) =>
    fetch(`${url.replace(/\/$/, "")}${path}`, {
      headers,
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  let live: Response;
  let asked: number;
  try {
    asked = Date.now();
    live = await ask("/health/live");
    await live.arrayBuffer();
  } catch (error) {
    return { kind: "silent", url, message: reasonOf(error) };
  }
  const skewMs = skewOf(live.headers.get("date"), asked, Date.now());
  try {
    const ready = await ask("/health/ready");
    const health = anyHealthSchema.safeParse(await ready.json());
    if (!health.success) return { kind: "stranger", url, message: `it answers ${ready.status}, and is no Millrace` };
    const info = await ask("/api/v1/system/info");
    const said = systemInfoSchema.safeParse(await info.json());
    return {
      kind: "answered",
      url,
      live: live.ok,
      ready: health.data,
      version: said.success ? said.data.version : null,
      skewMs,
    };
  } catch (error) {
    return { kind: "stranger", url, message: `it answers ${live.status}, and is no Millrace (${messageOf(error)})` };
  }
}

/** The header tells whole seconds: a clock that is within that one is right. */
function skewOf(date: string | null, asked: number, answered: number): number | null {
  const told = Date.parse(date ?? "");
  if (Number.isNaN(told)) return null;
  if (told + 1_000 < asked) return told + 1_000 - asked;
  return told > answered ? told - answered : 0;
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error && "code" in cause) return String(cause.code);
  return messageOf(error);
}
