-- The tokens of services. Only a token's hash is here; a row is never removed, so that who made which stays known.
CREATE TABLE service_tokens (
    id           text COLLATE "C" PRIMARY KEY,
    hash         text COLLATE "C" NOT NULL UNIQUE,
    team         text COLLATE "C" NOT NULL REFERENCES teams (name),
    name         text COLLATE "C" NOT NULL,
    roles        text NOT NULL,
    scopes       text NOT NULL,
    created_by   text COLLATE "C",
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    revoked_by   text COLLATE "C",
    last_used_at timestamptz,
    CHECK (revoked_by IS NULL OR revoked_at IS NOT NULL)
);

CREATE INDEX service_tokens_by_service ON service_tokens (team, name);
