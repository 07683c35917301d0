-- The index of plugin packages: one document for each plugin, with its releases. The packages themselves are blobs. A
-- change names the revision that it starts from.
CREATE TABLE package_indexes (
    plugin   TEXT PRIMARY KEY NOT NULL,
    revision INTEGER NOT NULL CHECK (revision > 0),
    document TEXT NOT NULL
) STRICT;

-- The signatures of a version, in an envelope of their own.
CREATE TABLE package_signatures (
    plugin   TEXT NOT NULL REFERENCES package_indexes (plugin),
    version  TEXT NOT NULL,
    envelope BLOB NOT NULL,
    PRIMARY KEY (plugin, version)
) STRICT;

-- One row, which every change of a namespace or of its keys raises: whoever has loaded plugins looks at their signatures
-- again when it has grown.
CREATE TABLE namespaces_generation (
    one        INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    generation INTEGER NOT NULL
) STRICT;

INSERT INTO namespaces_generation (one, generation) VALUES (1, 0);

-- The keys that secrets here are sealed under, by their ids, which tell nothing of them. A host with another key would
-- open none of what is here, and would seal what the others cannot open.
CREATE TABLE sealing_keys (
    id    TEXT PRIMARY KEY NOT NULL,
    since INTEGER NOT NULL
) STRICT;
