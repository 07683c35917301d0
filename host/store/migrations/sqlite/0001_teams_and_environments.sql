-- Whole records as JSON: they are small, few and read whole. Times everywhere are microseconds since 1970, UTC.
CREATE TABLE teams (
    name     TEXT PRIMARY KEY NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE environments (
    name     TEXT PRIMARY KEY NOT NULL,
    document TEXT NOT NULL
) STRICT;
