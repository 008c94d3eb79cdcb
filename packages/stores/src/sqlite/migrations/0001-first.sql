-- Configs, executions, the journal, and the messages that are not settled.

CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE configs (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  description TEXT,
  source_type TEXT NOT NULL,
  source_path TEXT,
  version INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  is_active INTEGER NOT NULL
) STRICT;
CREATE INDEX configs_by_source_path ON configs (source_path) WHERE source_path IS NOT NULL;

CREATE TABLE config_versions (
  config_id TEXT NOT NULL REFERENCES configs (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  config_yaml TEXT NOT NULL,
  config_hash TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (config_id, version)
) STRICT;

-- `key` stands for the execution in the tables that have a row per message or per commit.
CREATE TABLE executions (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  config_id TEXT,
  status TEXT NOT NULL,
  started_at TEXT NOT NULL,
  completed_at TEXT,
  parent_execution_id TEXT,
  replay_source TEXT,
  tag TEXT UNIQUE,
  config_snapshot TEXT NOT NULL,
  root_correlation_id TEXT NOT NULL,
  metadata TEXT NOT NULL,
  error_info TEXT,
  idempotency_key TEXT UNIQUE,
  stopping TEXT,
  progress TEXT,
  start_position INTEGER NOT NULL,
  trimmed_position INTEGER
) STRICT;
CREATE INDEX executions_by_start ON executions (started_at, key);
CREATE INDEX executions_by_config ON executions (config_id, started_at);
CREATE INDEX executions_unfinished ON executions (status) WHERE status IN ('running', 'interrupted');

-- A row per commit and execution: either a run of frames as they go over the wire, or one lifecycle record.
-- The rowid is the position of the row's last event, so rows are appended in the order of the whole journal.
CREATE TABLE journal (
  last INTEGER PRIMARY KEY,
  first INTEGER NOT NULL,
  execution_key INTEGER NOT NULL,
  count INTEGER NOT NULL,
  lifecycle TEXT,
  frames BLOB
) STRICT;
CREATE INDEX journal_by_execution ON journal (execution_key, last);

-- Messages that wait, are in flight, or failed for good; a completed one leaves nothing but its events.
CREATE TABLE messages (
  seq INTEGER PRIMARY KEY,
  execution_key INTEGER NOT NULL,
  id TEXT NOT NULL,
  parent_id TEXT,
  route TEXT NOT NULL,
  payload TEXT NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 1,
  failures INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL DEFAULT 0,
  hops INTEGER NOT NULL,
  emitted_outputs INTEGER NOT NULL DEFAULT 0,
  emitted TEXT,
  interruptions INTEGER NOT NULL DEFAULT 0,
  error TEXT
) STRICT;
CREATE INDEX messages_waiting ON messages (execution_key, route, seq) WHERE error IS NULL;
CREATE INDEX messages_failed ON messages (execution_key, seq) WHERE error IS NOT NULL;
