/** What the examples stand on; shown above all of them. */
export const apiPreamble = `base=http://127.0.0.1:8000/api/v1
json='Content-Type: application/json'
field() { node -p "JSON.parse(fs.readFileSync(0)).$1"; }

config=$(npx millrace configs create examples/hello.yaml)
npx millrace configs run "$config" --tag greeted --watch
message=$(curl -s "$base/executions/greeted" | field root_correlation_id)
key=$(curl -s "$base/storage/objects?execution_id=greeted&limit=1" | field objects[0].key)

broken=$(npx millrace configs create examples/retries.yaml)
npx millrace configs run "$broken" --tag broken --watch

slow=$(curl -s "$base/configs" -H "$json" -d '{"config_yaml": "version: \\"1.0\\"\\nname: slow\\nroutes: { wait: { adapters: [{ type: delay, config: { seconds: 600 } }] } }\\ninit_message: { route: wait }"}' | field id)
npx millrace configs run "$slow" --tag waiting

shelf=$(curl -s "$base/configs" -H "$json" -d '{"config_yaml": "version: \\"1.0\\"\\nname: shelf\\nroutes: { put: { adapters: [{ type: index, config: { collection: shelf, id: greeting } }] } }\\ninit_message: { route: put, payload: { text: Good morning to all, year: 2026 } }"}' | field id)
npx millrace configs run "$shelf" --tag shelved --watch

trigger=$(npx millrace triggers create "$broken" --call | sed -n 1p)
called=$(npx millrace triggers create "$broken" --call | sed -n 2p)
hook=$(npx millrace webhooks create http://127.0.0.1:9/refused | sed -n 1p)
delivery=$(npx millrace webhooks test "$hook")
key_id=$(curl -s "$base/keys" -H "$json" -d '{"name": "nightly", "scopes": ["run"]}' | field id)`;

/** An example of each operation that needs a body, a cursor or the like, by its id; the others are made of their paths. */
export const apiExamples: Readonly<Record<string, string>> = {
  postSession: `curl -s "$base/session" -H "$json" -d "{\\"api_key\\": \\"$(curl -s "$base/keys" -H "$json" -d '{"name": "mine", "scopes": ["run"]}' | field secret)\\"}"`,
  postExecutions: `curl -s "$base/executions" -H "$json" -d "{\\"config_id\\": \\"$config\\", \\"tag\\": \\"nightly\\", \\"idempotency_key\\": \\"2026-11-24\\"}"`,
  getExecutions: `curl -s "$base/executions?status=completed&limit=10"`,
  patchExecutionsExecutionId: `curl -s -X PATCH "$base/executions/waiting" -H "$json" -d '{"status": "cancelled"}'`,
  postExecutionsExecutionIdWait: `curl -s "$base/executions/greeted/wait" -H "$json" -d '{"timeout": 60}'`,
  getExecutionsExecutionIdEvents: `curl -N "$base/executions/greeted/events"`,
  getEvents: `curl -N "$base/events?execution_id=greeted&execution_id=broken"`,
  getExecutionsExecutionIdFailures: `curl -s "$base/executions/broken/failures?code=HOPELESS"`,
  getExecutionsExecutionIdFailuresGroups: `curl -s "$base/executions/broken/failures/groups"`,
  postExecutionsExecutionIdFailuresRetry: `curl -s "$base/executions/broken/failures/retry" -H "$json" -d '{"code": "HOPELESS", "payload_merge": {"index": 7}}'`,
  postExecutionsExecutionIdReplay: `curl -s "$base/executions/greeted/replay" -H "$json" -d '{"replay_source": "storage", "from_stage": "greetings", "to_route": "keep"}'`,
  getLineage: `curl -s "$base/lineage?execution_id=greeted&sort_by=completed_at"`,
  getLineageFailures: `curl -s "$base/lineage/failures?execution_id=broken"`,
  getLineageStats: `curl -s "$base/lineage/stats?execution_id=greeted"`,
  getSearch: `curl -s "$base/search?collection=shelf&q=good+morning&filter=year:2026"`,
  postSearch: `curl -s "$base/search" -H "$json" -d '{"collection": "shelf", "q": "morning", "filters": [{"field": "year", "operator": "ge", "value": 2000}]}'`,
  getCollections: `curl -s "$base/collections"`,
  postConfigs: `curl -s "$base/configs" -H "$json" -d '{"config_yaml": "version: \\"1.0\\"\\nname: one\\nroutes: { tell: { adapters: [{ type: log }] } }\\ninit_message: { route: tell }"}'`,
  postConfigsValidate: `curl -s "$base/configs/validate" -H "$json" -d '{"config_yaml": "version: \\"1.0\\"\\nroutes: {}"}'`,
  putConfigsConfigId: `curl -s -X PUT "$base/configs/$config" -H "$json" -d '{"description": "Three greetings, and who sent them"}'`,
  postConfigsConfigIdRun: `curl -s "$base/configs/$config/run?tag=at-night" -H "$json" -d '{"greeting": "good evening"}'`,
  postTriggers: `curl -s "$base/triggers" -H "$json" -d "{\\"config_id\\": \\"$broken\\", \\"kind\\": \\"cron\\", \\"cron\\": {\\"expression\\": \\"0 3 * * *\\", \\"time_zone\\": \\"Europe/Berlin\\"}}"`,
  patchTriggersTriggerId: `curl -s -X PATCH "$base/triggers/$trigger" -H "$json" -d '{"max_running": 1}'`,
  postTriggersTriggerIdFire: `curl -s -X POST "$base/triggers/$trigger/fire" -H "$json" -d '{"payload": {"index": 7}}'`,
  postTriggersTriggerIdSecret: `curl -s "http://127.0.0.1:8000$called" -H "$json" -d '{"index": 7}'`,
  postWebhooks: `curl -s "$base/webhooks" -H "$json" -d '{"url": "https://hooks.example.org/millrace", "events": ["execution.failed"]}'`,
  patchWebhooksWebhookId: `curl -s -X PATCH "$base/webhooks/$hook" -H "$json" -d '{"name": "The night shift"}'`,
  postExecutionsExecutionIdEventsTicket: `curl -s "$base/executions/greeted/events/ticket" -H "$json" -d '{"expires_in_seconds": 300}'`,
  postKeys: `curl -s "$base/keys" -H "$json" -d '{"name": "dashboard", "scopes": ["read"], "project": "search", "expires_in_days": 90}'`,
  getKeys: `curl -s "$base/keys?limit=10"`,
  postKeysKeyIdRotate: `curl -s "$base/keys/$key_id/rotate" -H "$json" -d '{"overlap_seconds": 3600}'`,
  getAudit: `curl -s "$base/audit?action=key&limit=10"`,
  getStorageObjects: `curl -s "$base/storage/objects?prefix=executions/greeted/&delimiter=/"`,
  getStorageObjectsKey: `curl -s -H "Range: bytes=0-99" "$base/storage/objects/$key"`,
  getStorageEvents: `curl -N "$base/storage/events?execution_id=greeted&extension=json"`,
  getAdaptersType: `curl -s "$base/adapters/delay"`,
};

/** What stands for the parameters of a path. */
export const apiPathValues: Readonly<Record<string, string>> = {
  execution_id: "greeted",
  config_id: "$config",
  correlation_id: "$message",
  key: "$key",
  trigger_id: "$trigger",
  webhook_id: "$hook",
  key_id: "$key_id",
  delivery_id: "$delivery",
  name: "shelf",
  version: "1",
};
