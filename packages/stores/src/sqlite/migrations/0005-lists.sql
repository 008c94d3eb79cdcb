-- What lists of executions are filtered by, in indexes that are much smaller than the rows with their snapshots.
ALTER TABLE executions ADD COLUMN config_name TEXT;
UPDATE executions SET config_name = config_snapshot ->> 'name';
DROP INDEX executions_by_start;
DROP INDEX executions_by_config;
CREATE INDEX executions_listed ON executions (started_at, key, status, config_id, tag, id, config_name);
CREATE INDEX executions_by_config ON executions (config_id, started_at, status);
CREATE INDEX executions_by_status ON executions (status, started_at);
