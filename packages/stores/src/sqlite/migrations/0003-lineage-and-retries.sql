-- All ids of an execution's messages begin as its first one's: an id leads to its execution by this.
CREATE INDEX executions_by_root ON executions (root_correlation_id);
-- And to the replays of it, whose messages may have ids that are made of those of its messages.
CREATE INDEX executions_by_parent ON executions (parent_execution_id) WHERE parent_execution_id IS NOT NULL;

-- Why a message had failed that was taken back to be retried: it is kept again if the execution ends before its attempt.

ALTER TABLE messages ADD COLUMN failed_before TEXT;

-- The few rows of an execution's journal that are no events: among a million of those they are not looked for.
CREATE INDEX journal_lifecycle ON journal (execution_key, last) WHERE lifecycle IS NOT NULL;
