-- Every revision of every binding, for good; a removal is a revision without a spec. Revisions of a name are counted
-- on after a removal, so that an expected revision can never mean an earlier binding of the same name.
CREATE TABLE binding_revisions (
    name       TEXT NOT NULL,
    revision   INTEGER NOT NULL CHECK (revision > 0),
    generation INTEGER NOT NULL,
    spec       TEXT,
    actor      TEXT,
    reason     TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (name, revision)
) STRICT;

-- The bindings that there are, each at its last revision.
CREATE TABLE bindings (
    name     TEXT PRIMARY KEY NOT NULL,
    revision INTEGER NOT NULL,
    FOREIGN KEY (name, revision) REFERENCES binding_revisions (name, revision)
) STRICT;

-- One row, which every change of any binding raises: cheap to poll, and where two writers meet.
CREATE TABLE bindings_generation (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL
) STRICT;

INSERT INTO bindings_generation (one, generation) VALUES (1, 0);
