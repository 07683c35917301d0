-- What administrators add to the rules of who may do what. A removed one keeps its row without a text, so that its
-- revisions are counted on.
CREATE TABLE access_policies (
    name     text COLLATE "C" PRIMARY KEY,
    text     text,
    revision bigint NOT NULL CHECK (revision > 0),
    actor    text,
    reason   text NOT NULL,
    at       timestamptz NOT NULL
);

-- One row, which every change locks before it looks at anything, and raises: cheap to poll.
CREATE TABLE access_generation (
    one        integer PRIMARY KEY CHECK (one = 1),
    generation bigint NOT NULL
);

INSERT INTO access_generation (one, generation) VALUES (1, 0);
