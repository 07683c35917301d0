-- The index of plugin packages: one document for each plugin, with its releases. The packages themselves are blobs. A
-- change names the revision that it starts from.
CREATE TABLE package_indexes (
    plugin   text COLLATE "C" PRIMARY KEY,
    revision bigint NOT NULL CHECK (revision > 0),
    document text NOT NULL
);

-- The signatures of a version, in an envelope of their own.
CREATE TABLE package_signatures (
    plugin   text COLLATE "C" NOT NULL REFERENCES package_indexes (plugin),
    version  text COLLATE "C" NOT NULL,
    envelope bytea NOT NULL,
    PRIMARY KEY (plugin, version)
);

-- One row, which every change of a namespace or of its keys raises: whoever has loaded plugins looks at their signatures
-- again when it has grown.
CREATE TABLE namespaces_generation (
    one        integer PRIMARY KEY CHECK (one = 1),
    generation bigint NOT NULL
);

INSERT INTO namespaces_generation (one, generation) VALUES (1, 0);

-- The keys that secrets here are sealed under, by their ids, which tell nothing of them. A host with another key would
-- open none of what is here, and would seal what the others cannot open.
CREATE TABLE sealing_keys (
    id    text COLLATE "C" PRIMARY KEY,
    since timestamptz NOT NULL
);
