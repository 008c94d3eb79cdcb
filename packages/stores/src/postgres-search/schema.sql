-- Collections of documents, for a service of many nodes. Run at each start, under a lock: all of it may be there already.

-- The stemmer of English, with no word left out: "to be or not to be" is found.
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_ts_config WHERE cfgname = 'millrace_english' AND cfgnamespace = current_schema()::regnamespace) THEN
    CREATE TEXT SEARCH DICTIONARY millrace_english_stem (TEMPLATE = snowball, Language = english);
    CREATE TEXT SEARCH CONFIGURATION millrace_english (COPY = simple);
    ALTER TEXT SEARCH CONFIGURATION millrace_english
      ALTER MAPPING FOR asciiword, word WITH millrace_english_stem;
  END IF;
END $$;

CREATE TABLE IF NOT EXISTS search_collections (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  language text NOT NULL,
  embedding json,
  dimensions integer,
  created_at text NOT NULL,
  updated_at text NOT NULL
);

-- `vector` has the length 1: the cosine of two is the sum of their products. `words` is made of the letters and digits of
-- the title and the text, without accents.
CREATE TABLE IF NOT EXISTS search_documents (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  collection bigint NOT NULL REFERENCES search_collections (key) ON DELETE CASCADE,
  id text COLLATE "C" NOT NULL,
  title text NOT NULL,
  text text NOT NULL,
  words tsvector NOT NULL,
  vector real[],
  metadata jsonb NOT NULL,
  execution_id text NOT NULL,
  message_id text NOT NULL,
  object_key text,
  updated_at text NOT NULL,
  UNIQUE (collection, id)
);

CREATE INDEX IF NOT EXISTS search_documents_by_words ON search_documents USING gin (words);
