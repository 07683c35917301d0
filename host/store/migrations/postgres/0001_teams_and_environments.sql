-- Whole records as JSON: they are small, few and read whole. JSON is text here and not jsonb, since jsonb writes numbers
-- and the order of keys its own way, and some of it is compared, hashed or approved as it was written.
--
-- Times are timestamptz, which keeps microseconds exactly. What is compared or put in order is COLLATE "C", bytes and
-- not some language's rules, so that it is the same on every server and the same as on SQLite.
CREATE TABLE teams (
    name     text COLLATE "C" PRIMARY KEY,
    document text NOT NULL
);

CREATE TABLE environments (
    name     text COLLATE "C" PRIMARY KEY,
    document text NOT NULL
);
