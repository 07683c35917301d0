-- Every revision of every binding, for good; a removal is a revision without a spec. Revisions of a name are counted
-- on after a removal, so that an expected revision can never mean an earlier binding of the same name.
CREATE TABLE binding_revisions (
    name       text COLLATE "C" NOT NULL,
    revision   bigint NOT NULL CHECK (revision > 0),
    generation bigint NOT NULL,
    spec       text,
    actor      text,
    reason     text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (name, revision)
);

-- The bindings that there are, each at its last revision.
CREATE TABLE bindings (
    name     text COLLATE "C" PRIMARY KEY,
    revision bigint NOT NULL,
    FOREIGN KEY (name, revision) REFERENCES binding_revisions (name, revision)
);

-- One row, which every change of any binding locks before it looks at anything, and raises: cheap to poll.
CREATE TABLE bindings_generation (
    one        integer PRIMARY KEY CHECK (one = 1),
    generation bigint NOT NULL
);

INSERT INTO bindings_generation (one, generation) VALUES (1, 0);
