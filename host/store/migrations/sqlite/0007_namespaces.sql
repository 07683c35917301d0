-- Who publishes under which first part of a plugin's name, and with which keys. A key is never removed: a revoked one
-- must stay known, or the same key could be added again under another id.
CREATE TABLE namespaces (
    name       TEXT PRIMARY KEY NOT NULL,
    team       TEXT NOT NULL REFERENCES teams (name),
    signatures TEXT NOT NULL CHECK (signatures IN ('optional', 'required')),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE namespace_keys (
    namespace     TEXT NOT NULL REFERENCES namespaces (name),
    id            TEXT NOT NULL,
    public_key    TEXT NOT NULL,
    added_at      INTEGER NOT NULL,
    revoked_at    INTEGER,
    revoke_reason TEXT,
    PRIMARY KEY (namespace, id),
    UNIQUE (namespace, public_key),
    CHECK ((revoked_at IS NULL) = (revoke_reason IS NULL))
) STRICT;
