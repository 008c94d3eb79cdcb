-- Logins of the dashboard, by the hash of what their cookies hold. Times are epoch ms.
-- oldest-program: 1

-- `data`: the rest of the record, as JSON.
CREATE TABLE sessions (
  hash text COLLATE "C" NOT NULL PRIMARY KEY,
  expires_at bigint NOT NULL,
  idle_at bigint NOT NULL,
  data text NOT NULL
);
