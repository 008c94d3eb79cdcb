import { ServiceProcess } from "../support/service-process.ts";

/** A service that tests talk to. */
export interface TestService {
  readonly base: string;
  /** Ends the service, if it is of our own, and removes its data; once more does nothing. */
  stop(): Promise<void>;
}

/**
 * The service at `MILLRACE_TEST_URL`, or else one of its own, with the given flags (without them the one at the URL will
 * do).
 */
export async function startTestService(flags: readonly string[] = []): Promise<TestService> {
  const given = process.env.MILLRACE_TEST_URL;
  if (given !== undefined && flags.length === 0) return { base: given, stop: async () => {} };
  const service = await ServiceProcess.start(["--log-level", "error", "--shutdown-grace", "0", ...flags]);
  return {
    base: service.url,
    async stop() {
      await service.end();
      await service[Symbol.asyncDispose]();
    },
  };
}
