-- Who publishes under which first part of a plugin's name, and with which keys. A key is never removed: a revoked one
-- must stay known, or the same key could be added again under another id.
CREATE TABLE namespaces (
    name       text COLLATE "C" PRIMARY KEY,
    team       text COLLATE "C" NOT NULL REFERENCES teams (name),
    signatures text NOT NULL CHECK (signatures IN ('optional', 'required')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE namespace_keys (
    namespace     text COLLATE "C" NOT NULL REFERENCES namespaces (name),
    id            text COLLATE "C" NOT NULL,
    public_key    text COLLATE "C" NOT NULL,
    added_at      timestamptz NOT NULL,
    revoked_at    timestamptz,
    revoke_reason text,
    PRIMARY KEY (namespace, id),
    UNIQUE (namespace, public_key),
    CHECK ((revoked_at IS NULL) = (revoke_reason IS NULL))
);
