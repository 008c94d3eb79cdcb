/** Pipelines that a campaign makes runs of: short ones of every kind, one that is slow, and some with findings. */
export const PIPELINES: readonly string[] = [
  `version: "1.0"
name: drops
routes:
  make: { adapters: [{ type: generate, config: { count: 5 } }], outbound: [end] }
  end: { adapters: [{ type: filter, config: { when: "false" } }] }
init_message: { route: make }
`,
  `version: "1.0"
name: objects
routes:
  make: { adapters: [{ type: generate, config: { count: 4 } }], outbound: [keep] }
  keep: { adapters: [{ type: store_write, config: { stage: parts, name: "part/\${index}.json" } }] }
init_message: { route: make }
`,
  `version: "1.0"
name: fails
error_handling: { max_retries: 0, on_error: continue }
routes:
  make: { adapters: [{ type: generate, config: { count: 6 } }], outbound: [work] }
  work: { adapters: [{ type: fail, config: { when: "index % 2 = 0", code: NO_LUCK, retryable: false } }], outbound: [end] }
  end: { adapters: [{ type: log, config: { level: debug } }] }
init_message: { route: make }
`,
  `version: "1.0"
name: documents
routes:
  make: { adapters: [{ type: generate, config: { count: 3, payload: { text: "a wheel turns when water falls", year: 1820, tags: [a, b] } } }], outbound: [keep] }
  keep: { adapters: [{ type: index, config: { collection: mill, id: "\${index}" } }] }
init_message: { route: make }
`,
  `version: "1.0"
name: slow
routes:
  make: { adapters: [{ type: generate, config: { count: 30 } }], outbound: [work] }
  work:
    adapters:
      - { type: delay, config: { seconds: 0.3 } }
      - { type: fail, config: { when: "index = 0", retryable: false } }
error_handling: { max_retries: 0, on_error: continue }
init_message: { route: make }
`,
  `version: "1.0"
name: with findings
routes:
  one: { adapters: [{ type: lgo }], outbound: [nowhere] }
`,
  "version: '1.0'\nroutes: {}\n",
  "routes: [\n",
];
