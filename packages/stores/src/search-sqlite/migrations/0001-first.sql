-- A collection has, beside its row, the tables words_N and vectors_N, N being its id: a ranking counts the words of its
-- own collection alone, and a deletion drops them.
CREATE TABLE collections (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  language TEXT NOT NULL,
  embedding TEXT,
  dimensions INTEGER,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE documents (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  collection INTEGER NOT NULL REFERENCES collections (id),
  id TEXT NOT NULL,
  metadata TEXT NOT NULL,
  execution_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  object_key TEXT,
  updated_at TEXT NOT NULL,
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  UNIQUE (collection, id)
) STRICT;
