-- Who may come in, and what they did. Times are epoch ms.

-- `data`: the rest of the record, as JSON.
CREATE TABLE api_keys (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  project TEXT,
  expires_at INTEGER,
  last_used_at INTEGER,
  revoked_at INTEGER,
  rotated_to TEXT,
  data TEXT NOT NULL
) STRICT;
CREATE INDEX api_keys_by_project ON api_keys (project, key);

CREATE TABLE audit_log (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  actor_id TEXT NOT NULL,
  actor_name TEXT NOT NULL,
  action TEXT NOT NULL,
  project TEXT,
  outcome TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT;
CREATE INDEX audit_log_by_time ON audit_log (at);
CREATE INDEX audit_log_by_project ON audit_log (project, key);

-- What tickets and sessions are signed with. No backup has it.
CREATE TABLE service_secrets (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
