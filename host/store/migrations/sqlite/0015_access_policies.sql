-- What administrators add to the rules of who may do what. A removed one keeps its row without a text, so that its
-- revisions are counted on.
CREATE TABLE access_policies (
    name     TEXT PRIMARY KEY,
    text     TEXT,
    revision INTEGER NOT NULL CHECK (revision > 0),
    actor    TEXT,
    reason   TEXT NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

-- One row, which every change raises: cheap to poll.
CREATE TABLE access_generation (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL
) STRICT;

INSERT INTO access_generation (one, generation) VALUES (1, 0);
