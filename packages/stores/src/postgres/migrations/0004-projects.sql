-- Everything belongs to a project; what was there before, and what a node of an older Millrace makes, belongs to `default`.
-- Tags and idempotency keys are unique within one. Older nodes see all projects as one: others are named once none is left.
-- oldest-program: 1

ALTER TABLE configs ADD COLUMN project text COLLATE "C" NOT NULL DEFAULT 'default';
CREATE INDEX configs_by_project ON configs (project);

ALTER TABLE executions ADD COLUMN project text COLLATE "C" NOT NULL DEFAULT 'default';
ALTER TABLE executions DROP CONSTRAINT executions_tag_key;
ALTER TABLE executions DROP CONSTRAINT executions_idempotency_key_key;
CREATE UNIQUE INDEX executions_by_tag ON executions (tag, project) WHERE tag IS NOT NULL;
CREATE UNIQUE INDEX executions_by_idempotency_key ON executions (idempotency_key, project) WHERE idempotency_key IS NOT NULL;
DROP INDEX executions_listed;
CREATE INDEX executions_listed ON executions (started_at, key) INCLUDE (status, config_id, tag, id, searched, project);
CREATE INDEX executions_by_project ON executions (project, started_at, key) INCLUDE (status);

ALTER TABLE triggers ADD COLUMN project text COLLATE "C" NOT NULL DEFAULT 'default';
CREATE INDEX triggers_by_project ON triggers (project);
ALTER TABLE webhooks ADD COLUMN project text COLLATE "C" NOT NULL DEFAULT 'default';
CREATE INDEX webhooks_by_project ON webhooks (project);
