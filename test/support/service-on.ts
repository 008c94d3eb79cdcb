import { type Client, createClient } from "@millrace/client";
import { MillraceProcess } from "./millrace-process.ts";

/** A service over a data directory that something else has filled; it ends with the block. */
export async function serviceOn(dataDir: string): Promise<{ readonly client: Client } & AsyncDisposable> {
  const service = new MillraceProcess(["serve", "--data-dir", dataDir, "--log-level", "warn"]);
  await service.start();
  return {
    client: createClient({ baseUrl: service.url }),
    async [Symbol.asyncDispose]() {
      await service.end();
    },
  };
}
