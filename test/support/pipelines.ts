/** Pipelines that many tests watch. */

/** One message, which waits for ten minutes: a run that goes on, and says no more. */
export const WAITS = `
version: "1.0"
routes: { wait: { adapters: [{ type: delay, config: { seconds: 600 } }] } }
init_message: { route: wait }
`;

/** So many messages, and then each of them dropped: three events for each, and three for the first message. */
export const drops = (count: number, concurrency = 1): string => `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: ${count} } }], outbound: [end] }
  end: { inbound: { concurrency: ${concurrency} }, adapters: [{ type: filter, config: { when: "false" } }] }
init_message: { route: make }
`;
