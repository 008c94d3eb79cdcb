-- What is kept, and for how long: deletions that are under way, and what an execution takes.

-- Executions that were deleted, until what they left (objects, journal, messages) is removed as well.
CREATE TABLE deletions (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL
) STRICT;

-- Bytes that an execution that is over takes; null until it is measured.
ALTER TABLE executions ADD COLUMN bytes INTEGER;

-- Whether its journal may hold events: 0 once retention has removed the last of them.
ALTER TABLE executions ADD COLUMN has_events INTEGER NOT NULL DEFAULT 1;
UPDATE executions SET has_events = 0 WHERE trimmed_position IS NOT NULL;

CREATE INDEX executions_over ON executions (completed_at, key, bytes) WHERE status NOT IN ('running', 'interrupted');
CREATE INDEX executions_unmeasured ON executions (completed_at)
  WHERE status NOT IN ('running', 'interrupted') AND bytes IS NULL;
CREATE INDEX executions_to_trim ON executions (completed_at)
  WHERE status NOT IN ('running', 'interrupted') AND has_events = 1;
