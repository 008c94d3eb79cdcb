-- Logins of the dashboard, by the hash of what their cookies hold. Times are epoch ms.

-- `data`: the rest of the record, as JSON.
CREATE TABLE sessions (
  hash TEXT NOT NULL PRIMARY KEY,
  expires_at INTEGER NOT NULL,
  idle_at INTEGER NOT NULL,
  data TEXT NOT NULL
) STRICT, WITHOUT ROWID;
