-- Why a message had failed that was taken back to be retried: it is kept again if the execution ends before its attempt.

ALTER TABLE messages ADD COLUMN failed_before TEXT;
