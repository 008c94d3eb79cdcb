-- What makes runs, and who is told of them. Times are epoch ms.

-- `data`: the rest of the record, as JSON.
CREATE TABLE triggers (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  config_id TEXT NOT NULL REFERENCES configs (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  max_running INTEGER,
  when_running TEXT NOT NULL,
  next_at INTEGER,
  data TEXT NOT NULL
) STRICT;
CREATE INDEX triggers_by_config ON triggers (config_id);
CREATE INDEX triggers_due ON triggers (next_at) WHERE next_at IS NOT NULL;

-- `next_at`: when it is begun, or begun again by another; null once something or nothing came of it. `is_open`: whether
-- its run may be under way.
CREATE TABLE firings (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  trigger_id TEXT NOT NULL REFERENCES triggers (id) ON DELETE CASCADE,
  firing_key TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  at INTEGER NOT NULL,
  payload TEXT NOT NULL,
  outcome TEXT NOT NULL,
  execution_id TEXT,
  error TEXT,
  next_at INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  is_open INTEGER NOT NULL DEFAULT 0,
  UNIQUE (trigger_id, firing_key)
) STRICT;
CREATE INDEX firings_by_trigger ON firings (trigger_id, key);
CREATE INDEX firings_due ON firings (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX firings_open ON firings (trigger_id) WHERE is_open = 1;
CREATE INDEX firings_over ON firings (at) WHERE next_at IS NULL;

-- What no firing is to come of any more: files that a folder's trigger has seen.
CREATE TABLE trigger_seen (
  trigger_id TEXT NOT NULL REFERENCES triggers (id) ON DELETE CASCADE,
  seen_key TEXT NOT NULL,
  PRIMARY KEY (trigger_id, seen_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhooks (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  enabled INTEGER NOT NULL,
  data TEXT NOT NULL
) STRICT;

-- Up to which position of the journal endings were put into the queue. One row.
CREATE TABLE webhook_head (
  position INTEGER NOT NULL
) STRICT;
INSERT INTO webhook_head (position) VALUES (0);

-- `next_at`: when it is sent, or sent again by another; null once it was taken or given up.
CREATE TABLE deliveries (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
  delivery_key TEXT NOT NULL,
  event TEXT NOT NULL,
  execution_id TEXT,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending',
  attempts INTEGER NOT NULL DEFAULT 0,
  earlier_attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER,
  log TEXT NOT NULL DEFAULT '[]',
  UNIQUE (webhook_id, delivery_key)
) STRICT;
CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id, key);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX deliveries_over ON deliveries (created_at) WHERE next_at IS NULL;

-- The few rows of the journal that are no events, in its order.
CREATE INDEX journal_lifecycles ON journal (last) WHERE lifecycle IS NOT NULL;
