-- Bytes are sealed by whoever brings them; there is no key to them in this database.
CREATE TABLE secrets (
    handle TEXT PRIMARY KEY NOT NULL,
    scope  TEXT NOT NULL,
    name   TEXT NOT NULL,
    sealed BLOB NOT NULL,
    at     INTEGER NOT NULL,
    UNIQUE (scope, name)
) STRICT;
