/** Three documents of a mill, put into the collection `mill`, with vectors of the model at `url` where there is one. */
export function millPipeline(url: string | null): string {
  const embedding = `{ base_url: "${url}", model: test-embed, api_key_env: TEST_MODEL_KEY }`;
  return `version: "1.0"
name: mill
routes:
  documents:
    adapters: [{ type: split, config: { field: documents } }]
    outbound: [${url === null ? "keep" : "embed"}]
${
  url === null
    ? ""
    : `  embed:
    adapters:
      - type: embed
        config: { base_url: "${url}", model: test-embed, api_key_env: TEST_MODEL_KEY, price_per_million_tokens: { input: 2 } }
    outbound: [keep]
`
}  keep:
    inbound: { concurrency: 4 }
    adapters:
      - type: store_write
        config: { stage: documents, name: "\${path}.json" }
      - type: index
        config: { collection: mill, id: "\${path}"${url === null ? "" : `, embedding: ${embedding}`} }
init_message:
  route: documents
  payload:
    documents:
      - { path: wheel, title: The wheel, text: "The wheel turns when water falls on it.", year: 1820, tags: [water, wood] }
      - { path: stone, title: The stone, text: "Two stones grind the corn, and the upper one is turning.", year: 1790, tags: [stone] }
      - { path: miller, title: The miller, text: "The miller takes a sixteenth of what is ground.", year: 1820, tags: [] }
`;
}
