-- Of what a row of the journal holds, so that a page that was half written is never read as something else.
-- Null in rows that were written before.
ALTER TABLE journal ADD COLUMN checksum INTEGER;
