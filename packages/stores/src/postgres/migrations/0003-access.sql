-- Who may come in, and what they did. Times are epoch ms.
-- oldest-program: 1

-- `data`: the rest of the record, as JSON.
CREATE TABLE api_keys (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  project text COLLATE "C",
  expires_at bigint,
  last_used_at bigint,
  revoked_at bigint,
  rotated_to text COLLATE "C",
  data text NOT NULL
);
CREATE INDEX api_keys_by_project ON api_keys (project, key);

CREATE TABLE audit_log (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at bigint NOT NULL,
  actor_id text COLLATE "C" NOT NULL,
  actor_name text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  project text COLLATE "C",
  outcome text COLLATE "C" NOT NULL,
  data text NOT NULL
);
CREATE INDEX audit_log_by_time ON audit_log (at);
CREATE INDEX audit_log_by_project ON audit_log (project, key);

-- What tickets and sessions are signed with.
CREATE TABLE service_secrets (
  name text COLLATE "C" PRIMARY KEY,
  value text NOT NULL
);
