-- Everything belongs to a project; what was there before belongs to `default`. Tags and idempotency keys are unique within
-- one, and no more in the whole: SQLite cannot take that back from a table, so the executions go into another.

ALTER TABLE configs ADD COLUMN project TEXT NOT NULL DEFAULT 'default';
CREATE INDEX configs_by_project ON configs (project);

CREATE TABLE executions_of_projects (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  project TEXT NOT NULL DEFAULT 'default',
  config_id TEXT,
  status TEXT NOT NULL,
  started_at TEXT NOT NULL,
  completed_at TEXT,
  parent_execution_id TEXT,
  replay_source TEXT,
  tag TEXT,
  config_snapshot TEXT NOT NULL,
  root_correlation_id TEXT NOT NULL,
  metadata TEXT NOT NULL,
  error_info TEXT,
  idempotency_key TEXT,
  stopping TEXT,
  progress TEXT,
  start_position INTEGER NOT NULL,
  trimmed_position INTEGER,
  bytes INTEGER,
  has_events INTEGER NOT NULL DEFAULT 1,
  config_name TEXT
) STRICT;
INSERT INTO executions_of_projects (key, id, config_id, status, started_at, completed_at, parent_execution_id, replay_source,
  tag, config_snapshot, root_correlation_id, metadata, error_info, idempotency_key, stopping, progress, start_position,
  trimmed_position, bytes, has_events, config_name)
SELECT key, id, config_id, status, started_at, completed_at, parent_execution_id, replay_source, tag, config_snapshot,
  root_correlation_id, metadata, error_info, idempotency_key, stopping, progress, start_position, trimmed_position, bytes,
  has_events, config_name
FROM executions;
-- A key is never given out twice, also where the newest executions are gone.
DELETE FROM sqlite_sequence WHERE name = 'executions_of_projects';
INSERT INTO sqlite_sequence (name, seq)
SELECT 'executions_of_projects', seq FROM sqlite_sequence WHERE name = 'executions';
DROP TABLE executions;
ALTER TABLE executions_of_projects RENAME TO executions;

CREATE UNIQUE INDEX executions_by_tag ON executions (tag, project) WHERE tag IS NOT NULL;
CREATE UNIQUE INDEX executions_by_idempotency_key ON executions (idempotency_key, project) WHERE idempotency_key IS NOT NULL;
CREATE INDEX executions_listed ON executions (started_at, key, status, config_id, tag, id, config_name, project);
CREATE INDEX executions_by_project ON executions (project, started_at, status);
CREATE INDEX executions_by_config ON executions (config_id, started_at, status);
CREATE INDEX executions_by_status ON executions (status, started_at);
CREATE INDEX executions_unfinished ON executions (status) WHERE status IN ('running', 'interrupted');
CREATE INDEX executions_over ON executions (completed_at, key, bytes) WHERE status NOT IN ('running', 'interrupted');
CREATE INDEX executions_unmeasured ON executions (completed_at)
  WHERE status NOT IN ('running', 'interrupted') AND bytes IS NULL;
CREATE INDEX executions_to_trim ON executions (completed_at)
  WHERE status NOT IN ('running', 'interrupted') AND has_events = 1;
CREATE INDEX executions_by_root ON executions (root_correlation_id);
CREATE INDEX executions_by_parent ON executions (parent_execution_id) WHERE parent_execution_id IS NOT NULL;

ALTER TABLE triggers ADD COLUMN project TEXT NOT NULL DEFAULT 'default';
CREATE INDEX triggers_by_project ON triggers (project);
ALTER TABLE webhooks ADD COLUMN project TEXT NOT NULL DEFAULT 'default';
CREATE INDEX webhooks_by_project ON webhooks (project);
