-- The tokens of services. Only a token's hash is here; a row is never removed, so that who made which stays known.
CREATE TABLE service_tokens (
    id           TEXT PRIMARY KEY NOT NULL,
    hash         TEXT NOT NULL UNIQUE,
    team         TEXT NOT NULL REFERENCES teams (name),
    name         TEXT NOT NULL,
    roles        TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    created_by   TEXT,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    revoked_at   INTEGER,
    revoked_by   TEXT,
    last_used_at INTEGER,
    CHECK (revoked_by IS NULL OR revoked_at IS NOT NULL)
) STRICT;

CREATE INDEX service_tokens_by_service ON service_tokens (team, name);
