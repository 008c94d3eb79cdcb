-- Messages that completed may be kept with their payloads, to be replayed: their rows are left in place, and marked.

ALTER TABLE messages ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;

-- Those that wait are found without them, however many they are.
DROP INDEX messages_waiting;
CREATE INDEX messages_waiting ON messages (execution_key, route, seq) WHERE error IS NULL AND settled = 0;
CREATE INDEX messages_kept ON messages (execution_key, route, seq) WHERE settled = 1;
