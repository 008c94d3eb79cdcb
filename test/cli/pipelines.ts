/** Pipelines for the tests of the command line: one for each way in which a run can end. */

/** Three messages, and done. */
export const QUICK = `version: "1.0"
name: quick
routes:
  make: { adapters: [{ type: generate, config: { count: 3 } }], outbound: [keep] }
  keep: { adapters: [{ type: filter, config: { when: "true" } }] }
init_message: { route: make }
`;

/** Fails at its one message, with an error whose text would clear a terminal. */
export const BROKEN = `version: "1.0"
name: broken
error_handling: { max_retries: 0 }
routes:
  work: { adapters: [{ type: fail, config: { code: NO_GOOD, message: "it is \\u001b[2J broken" } }] }
init_message: { route: work }
`;

/** Runs until it is stopped, or as good as. */
export const SLOW = `version: "1.0"
name: slow
routes:
  make: { adapters: [{ type: generate, config: { count: 4 } }], outbound: [wait] }
  wait: { inbound: { concurrency: 4 }, adapters: [{ type: delay, config: { seconds: 300 } }] }
init_message: { route: make }
`;

/** An error on line 4 and a warning. */
export const WRONG = `version: "1.0"
name: wrong
routes:
  work: { adapters: [{ type: generat }] }
`;
