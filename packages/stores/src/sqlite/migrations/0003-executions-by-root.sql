-- All ids of an execution's messages begin as its first one's: an id leads to its execution by this.
CREATE INDEX executions_by_root ON executions (root_correlation_id);
