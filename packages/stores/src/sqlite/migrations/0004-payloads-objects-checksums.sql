-- Messages that completed may be kept with their payloads, to be replayed: their rows are left in place, and marked.

ALTER TABLE messages ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;

-- Those that wait are found without them, however many they are.
DROP INDEX messages_waiting;
CREATE INDEX messages_waiting ON messages (execution_key, route, seq) WHERE error IS NULL AND settled = 0;
CREATE INDEX messages_kept ON messages (execution_key, route, seq) WHERE settled = 1;

-- What lists are made of. First, what executions are filtered by, in indexes that are much smaller than the rows with their
-- snapshots.
ALTER TABLE executions ADD COLUMN config_name TEXT;
UPDATE executions SET config_name = config_snapshot ->> 'name';
DROP INDEX executions_by_start;
DROP INDEX executions_by_config;
CREATE INDEX executions_listed ON executions (started_at, key, status, config_id, tag, id, config_name);
CREATE INDEX executions_by_config ON executions (config_id, started_at, status);
CREATE INDEX executions_by_status ON executions (status, started_at);

-- Objects as messages wrote them, in the order of commits. The position is one of the journal's, of which it is no part.
-- `gone`: another has its key by now, or it was removed; it stays what happened.
CREATE TABLE objects (
  position INTEGER PRIMARY KEY,
  execution_key INTEGER NOT NULL,
  key TEXT NOT NULL,
  stage TEXT,
  size INTEGER NOT NULL,
  content_type TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  message_id TEXT,
  created_at TEXT NOT NULL,
  gone INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX objects_by_key ON objects (key, execution_key, stage) WHERE gone = 0;
CREATE INDEX objects_by_execution ON objects (execution_key, position);

-- Whether all objects are in the table that were there before it was: not yet, where there was anything.
INSERT INTO meta (key, value) SELECT 'objects_missing', 1 WHERE EXISTS (SELECT 1 FROM executions);

-- Of what a row of the journal holds, so that a page that was half written is never read as something else.
-- Null in rows that were written before.
ALTER TABLE journal ADD COLUMN checksum INTEGER;
