-- Everything that a service of many nodes keeps. Texts sort by their bytes (COLLATE "C"), as positions in lists and
-- ranges of keys rely on it. JSON is kept as text: jsonb does not take all that JSON may hold.

-- cluster_id, a UUID that names the service among others, and what is noted for later: keys that begin with objects_missing.
CREATE TABLE meta (
  key text COLLATE "C" PRIMARY KEY,
  value text NOT NULL
);

-- `key`: the order in which they came.
CREATE TABLE configs (
  key bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL,
  description text,
  source_type text NOT NULL,
  source_path text,
  version integer NOT NULL,
  created_at text COLLATE "C" NOT NULL,
  updated_at text COLLATE "C" NOT NULL,
  is_active boolean NOT NULL
);
-- A path may be longer than an entry of a B-tree.
CREATE INDEX configs_by_source_path ON configs USING hash (source_path) WHERE source_path IS NOT NULL;

CREATE TABLE config_versions (
  config_id text COLLATE "C" NOT NULL REFERENCES configs (id) ON DELETE CASCADE,
  version integer NOT NULL,
  config_yaml text NOT NULL,
  config_hash text NOT NULL,
  created_at text COLLATE "C" NOT NULL,
  PRIMARY KEY (config_id, version)
);

-- A process of the service, in one life of it. Its lease is good by this database's clock. `steady_since`: since when the
-- lease has been renewed without a gap; only then may the node take over from others.
CREATE TABLE nodes (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  version text NOT NULL,
  engine boolean NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  lease_until timestamptz NOT NULL,
  steady_since timestamptz NOT NULL DEFAULT now(),
  left_at timestamptz
);

-- A row per node that each of its groups writes: the group's number tells after a lost connection whether the group was
-- committed. Another node that declares this one gone sets `fenced`, for which it waits for a group that is under way:
-- from then on the node commits nothing more.
CREATE TABLE node_writes (
  node_id uuid PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
  last_group bigint NOT NULL DEFAULT 0,
  fenced boolean NOT NULL DEFAULT false
) WITH (fillfactor = 10);

-- `key` stands for the execution in the tables that have a row per message or per commit. `owner`: the node that works on
-- it; null where nobody does, or it is over. `last_seq`: no message of it has a greater number, whichever are gone.
CREATE TABLE executions (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  owner uuid,
  last_seq bigint NOT NULL DEFAULT 0,
  config_id text COLLATE "C",
  -- What it is searched by: its tag and the name of its config, in small letters.
  searched text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  started_at text COLLATE "C" NOT NULL,
  completed_at text COLLATE "C",
  parent_execution_id text COLLATE "C",
  replay_source text,
  tag text COLLATE "C" UNIQUE,
  config_snapshot text NOT NULL,
  -- What lists show of it: without what may be large.
  config_listed text NOT NULL,
  root_correlation_id text COLLATE "C" NOT NULL,
  metadata text NOT NULL,
  error_info text,
  idempotency_key text COLLATE "C" UNIQUE,
  stopping text,
  progress text,
  start_position bigint NOT NULL DEFAULT 0,
  trimmed_position bigint,
  -- Whether its journal may hold events: false once retention has removed the last of them.
  has_events boolean NOT NULL DEFAULT true,
  -- Bytes that an execution that is over takes; null until it is measured.
  bytes bigint
) WITH (fillfactor = 70);
-- Lists, and searches by words: without the rows, which are much larger.
CREATE INDEX executions_listed ON executions (started_at, key) INCLUDE (status, config_id, tag, id, searched);
-- An index is read without the rows where these were vacuumed since they changed: often, so that it mostly is.
ALTER TABLE executions SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
CREATE INDEX executions_by_config ON executions (config_id, started_at, key);
CREATE INDEX executions_by_status ON executions (status, started_at, key);
CREATE INDEX executions_by_root ON executions (root_correlation_id);
CREATE INDEX executions_by_parent ON executions (parent_execution_id) WHERE parent_execution_id IS NOT NULL;
CREATE INDEX executions_unfinished ON executions (owner, key) WHERE status IN ('running', 'interrupted');
CREATE INDEX executions_over ON executions (completed_at, key) INCLUDE (bytes) WHERE status NOT IN ('running', 'interrupted');
CREATE INDEX executions_unmeasured ON executions (completed_at)
  WHERE status NOT IN ('running', 'interrupted') AND bytes IS NULL;
CREATE INDEX executions_to_trim ON executions (completed_at)
  WHERE status NOT IN ('running', 'interrupted') AND has_events;

-- The last position that was given out. Whoever commits holds its row until then, so positions are in the order of commits.
CREATE TABLE journal_head (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  position bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO journal_head (position) VALUES (0);

-- A row per commit and execution: either a run of frames as they go over the wire, or one lifecycle record. `last` is the
-- position of the row's last event. `checksum`: of what the row holds, and of where.
CREATE TABLE journal (
  last bigint PRIMARY KEY,
  first bigint NOT NULL,
  execution_key bigint NOT NULL,
  count integer NOT NULL,
  lifecycle text,
  frames text,
  checksum bigint NOT NULL
);
CREATE INDEX journal_by_execution ON journal (execution_key, last);
-- The few rows of an execution's journal that are no events: among a million of those they are not looked for.
CREATE INDEX journal_lifecycle ON journal (execution_key, last) WHERE lifecycle IS NOT NULL;

-- Messages that wait, are in flight, failed for good, or completed and are kept. `seq` orders them within the execution.
-- `error`: why it failed for good, as JSON; what is looked for in it stands in columns of its own. `failed_before`: the
-- error of one that was taken back to be retried: it is kept again if the execution ends before its attempt.
CREATE TABLE messages (
  execution_key bigint NOT NULL,
  seq bigint NOT NULL,
  id text COLLATE "C" NOT NULL,
  parent_id text COLLATE "C",
  route text COLLATE "C" NOT NULL,
  payload text NOT NULL,
  attempt integer NOT NULL DEFAULT 1,
  failures integer NOT NULL DEFAULT 0,
  due_at bigint NOT NULL DEFAULT 0,
  hops integer NOT NULL,
  emitted_outputs integer NOT NULL DEFAULT 0,
  emitted text,
  interruptions integer NOT NULL DEFAULT 0,
  settled boolean NOT NULL DEFAULT false,
  error text,
  error_adapter text COLLATE "C",
  error_code text COLLATE "C",
  failed_at text COLLATE "C",
  -- The execution that it was retried in, once this one was over.
  retried_in text COLLATE "C",
  failed_before text,
  PRIMARY KEY (execution_key, seq)
) WITH (fillfactor = 90);
CREATE INDEX messages_waiting ON messages (execution_key, route, seq) WHERE error IS NULL AND NOT settled;
CREATE INDEX messages_failed ON messages (execution_key, seq) WHERE error IS NOT NULL;
CREATE INDEX messages_kept ON messages (execution_key, route, seq) WHERE settled;
-- Rows come and go all the time: what is dead is cleared away before it is in anybody's way.
ALTER TABLE messages SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 1);

-- Executions that were deleted, until what they left (objects, journal, messages) is removed as well.
CREATE TABLE deletions (
  key bigint PRIMARY KEY,
  id text COLLATE "C" NOT NULL
);
CREATE INDEX deletions_by_id ON deletions (id);

-- Objects as messages wrote them, in the order of commits. The position is one of the journal's, of which it is no part.
-- `gone`: another has its key by now, or it was removed; it stays what happened.
CREATE TABLE objects (
  position bigint PRIMARY KEY,
  execution_key bigint NOT NULL,
  key text COLLATE "C" NOT NULL,
  stage text COLLATE "C",
  size bigint NOT NULL,
  content_type text NOT NULL,
  sha256 text NOT NULL,
  message_id text,
  created_at text COLLATE "C" NOT NULL,
  gone boolean NOT NULL DEFAULT false
);
CREATE INDEX objects_by_key ON objects (key, execution_key, stage) WHERE NOT gone;
CREATE INDEX objects_by_execution ON objects (execution_key, position);

-- What adapters wrote, where no other place for objects is set. A body is never changed: a write of the same key makes
-- another, and the one before is `gone`, which nobody finds any more; its chunks go once nobody has it open.
CREATE TABLE object_bodies (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  key text COLLATE "C" NOT NULL,
  gone boolean NOT NULL DEFAULT false,
  size bigint NOT NULL,
  sha256 text NOT NULL,
  metadata text NOT NULL
);
CREATE UNIQUE INDEX object_bodies_by_key ON object_bodies (key) WHERE NOT gone;
CREATE INDEX object_bodies_gone ON object_bodies (id) WHERE gone;
CREATE TABLE object_chunks (
  body bigint NOT NULL,
  no integer NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (body, no)
);
-- Most of what is stored is compressed already, or small.
ALTER TABLE object_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;
