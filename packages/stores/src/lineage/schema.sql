-- What is read off the journal, and can be read off it again: this file may be deleted at any time.

-- How far the journal of an execution has been read: its last row, and the hash of that row's frames.
CREATE TABLE projections (
  execution_key INTEGER PRIMARY KEY,
  execution_id TEXT NOT NULL,
  project TEXT NOT NULL,
  root_id TEXT NOT NULL,
  parent_execution_id TEXT,
  position INTEGER NOT NULL,
  tail_hash TEXT NOT NULL
) STRICT;
CREATE INDEX projections_by_project ON projections (project);

-- A row per message that was taken; numbers grow in the order in which they were.
CREATE TABLE messages (
  no INTEGER PRIMARY KEY,
  execution_key INTEGER NOT NULL,
  id TEXT NOT NULL,
  parent_id TEXT,
  parent_no INTEGER,
  route TEXT NOT NULL,
  status TEXT NOT NULL,
  depth INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  completed_at INTEGER,
  duration_ms REAL,
  error TEXT,
  emitted TEXT,
  batched_into_no INTEGER
) STRICT;
CREATE INDEX messages_by_id ON messages (id);
CREATE INDEX messages_by_execution ON messages (execution_key);
CREATE INDEX messages_by_parent ON messages (parent_no) WHERE parent_no IS NOT NULL;
CREATE INDEX messages_by_batch ON messages (batched_into_no) WHERE batched_into_no IS NOT NULL;
CREATE INDEX messages_first ON messages (execution_key) WHERE parent_no IS NULL;
CREATE INDEX messages_open ON messages (execution_key) WHERE completed_at IS NULL;

-- A row per adapter's run on a message in one attempt.
CREATE TABLE stages (
  message_no INTEGER NOT NULL,
  place INTEGER NOT NULL,
  execution_key INTEGER NOT NULL,
  route TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  adapter TEXT,
  adapter_index INTEGER,
  status TEXT NOT NULL,
  started_at INTEGER,
  completed_at INTEGER,
  error TEXT,
  will_retry INTEGER NOT NULL,
  PRIMARY KEY (message_no, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX stages_by_start ON stages (execution_key, started_at);
CREATE INDEX stages_failed ON stages (execution_key, started_at) WHERE status = 'failed' AND will_retry = 0;
