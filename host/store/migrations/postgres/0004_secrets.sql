-- Bytes are sealed by whoever brings them; there is no key to them in this database.
CREATE TABLE secrets (
    handle text COLLATE "C" PRIMARY KEY,
    scope  text COLLATE "C" NOT NULL,
    name   text COLLATE "C" NOT NULL,
    sealed bytea NOT NULL,
    at     timestamptz NOT NULL,
    UNIQUE (scope, name)
);
