-- What makes runs, and who is told of them. Times are epoch ms.
-- oldest-program: 1

-- `data`: the rest of the record, as JSON.
CREATE TABLE triggers (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  config_id text COLLATE "C" NOT NULL REFERENCES configs (id) ON DELETE CASCADE,
  kind text COLLATE "C" NOT NULL,
  max_running integer,
  when_running text COLLATE "C" NOT NULL,
  next_at bigint,
  data text NOT NULL
);
CREATE INDEX triggers_by_config ON triggers (config_id);
CREATE INDEX triggers_due ON triggers (next_at) WHERE next_at IS NOT NULL;

-- `next_at`: when it is begun, or begun again by another; null once something or nothing came of it. `is_open`: whether
-- its run may be under way.
CREATE TABLE firings (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  trigger_id text COLLATE "C" NOT NULL REFERENCES triggers (id) ON DELETE CASCADE,
  firing_key text COLLATE "C" NOT NULL,
  due_at bigint NOT NULL,
  at bigint NOT NULL,
  payload text NOT NULL,
  outcome text COLLATE "C" NOT NULL,
  execution_id text COLLATE "C",
  error text,
  next_at bigint,
  attempts integer NOT NULL DEFAULT 0,
  is_open integer NOT NULL DEFAULT 0,
  UNIQUE (trigger_id, firing_key)
);
CREATE INDEX firings_by_trigger ON firings (trigger_id, key);
CREATE INDEX firings_due ON firings (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX firings_open ON firings (trigger_id) WHERE is_open = 1;
CREATE INDEX firings_over ON firings (at) WHERE next_at IS NULL;

-- What no firing is to come of any more: files that a folder's trigger has seen.
CREATE TABLE trigger_seen (
  trigger_id text COLLATE "C" NOT NULL REFERENCES triggers (id) ON DELETE CASCADE,
  seen_key text COLLATE "C" NOT NULL,
  PRIMARY KEY (trigger_id, seen_key)
);

CREATE TABLE webhooks (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  enabled integer NOT NULL,
  data text NOT NULL
);

-- Up to which position of the journal endings were put into the queue. One row.
CREATE TABLE webhook_head (
  position bigint NOT NULL
);
INSERT INTO webhook_head (position) VALUES (0);

-- `next_at`: when it is sent, or sent again by another; null once it was taken or given up.
CREATE TABLE deliveries (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  webhook_id text COLLATE "C" NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
  delivery_key text COLLATE "C" NOT NULL,
  event text COLLATE "C" NOT NULL,
  execution_id text COLLATE "C",
  body text NOT NULL,
  created_at bigint NOT NULL,
  state text COLLATE "C" NOT NULL DEFAULT 'pending',
  attempts integer NOT NULL DEFAULT 0,
  earlier_attempts integer NOT NULL DEFAULT 0,
  next_at bigint,
  log text NOT NULL DEFAULT '[]',
  UNIQUE (webhook_id, delivery_key)
);
CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id, key);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX deliveries_over ON deliveries (created_at) WHERE next_at IS NULL;

-- The few rows of the journal that are no events, in its order.
CREATE INDEX journal_lifecycles ON journal (last) WHERE lifecycle IS NOT NULL;
