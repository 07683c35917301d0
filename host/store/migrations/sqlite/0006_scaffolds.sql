CREATE TABLE scaffolds (
    id         TEXT PRIMARY KEY NOT NULL,
    request_id TEXT NOT NULL UNIQUE REFERENCES requests (id),
    template   TEXT NOT NULL,
    document   TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
