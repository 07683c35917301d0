-- A resource holds its name, its share of the quota and at most one open request. The indexes below say the same as
-- the code: what the code would ever get wrong, the database refuses.
CREATE TABLE resources (
    id              TEXT PRIMARY KEY NOT NULL,
    namespace       TEXT NOT NULL,
    environment     TEXT NOT NULL REFERENCES environments (name),
    type            TEXT NOT NULL,
    name            TEXT NOT NULL,
    team            TEXT NOT NULL REFERENCES teams (name),
    state           TEXT NOT NULL
        CHECK (state IN ('creating', 'ready', 'updating', 'deleting', 'deleted', 'failed')),
    desired         TEXT NOT NULL,
    monthly         TEXT NOT NULL,
    pending_monthly TEXT,
    outputs         TEXT NOT NULL,
    revision        INTEGER NOT NULL,
    open_request    TEXT REFERENCES requests (id) DEFERRABLE INITIALLY DEFERRED,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    ready_at        INTEGER,
    expires_at      INTEGER,
    CHECK (open_request IS NOT NULL OR state NOT IN ('creating', 'updating')),
    CHECK (open_request IS NULL OR state NOT IN ('deleted', 'failed')),
    CHECK (open_request IS NOT NULL OR pending_monthly IS NULL)
) STRICT;

CREATE UNIQUE INDEX resources_live_name ON resources (namespace, environment, type, name)
    WHERE state NOT IN ('deleted', 'failed');
CREATE INDEX resources_live_team ON resources (team) WHERE state NOT IN ('deleted', 'failed');
CREATE INDEX resources_expiry ON resources (expires_at) WHERE state = 'ready';

CREATE TABLE requests (
    id            TEXT PRIMARY KEY NOT NULL,
    action        TEXT NOT NULL CHECK (action IN ('create', 'update', 'delete', 'scaffold')),
    state         TEXT NOT NULL CHECK (state IN ('denied', 'pending-approval', 'queued', 'running', 'succeeded',
                                                 'failed', 'rejected', 'expired', 'cancelled')),
    team          TEXT NOT NULL REFERENCES teams (name),
    person        TEXT NOT NULL,
    actor         TEXT NOT NULL,
    resource_id   TEXT REFERENCES resources (id),
    resource_key  TEXT,
    found_state   TEXT,
    scaffold_id   TEXT,
    template      TEXT,
    document      TEXT NOT NULL,
    desired       TEXT,
    decision      TEXT NOT NULL,
    digest        TEXT NOT NULL,
    needs         TEXT NOT NULL,
    reservation   TEXT,
    job_id        TEXT,
    failure       TEXT,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    expires_at    INTEGER,
    CHECK ((action = 'scaffold') = (template IS NOT NULL)),
    CHECK ((action = 'scaffold') = (resource_key IS NULL)),
    CHECK ((state = 'pending-approval') = (expires_at IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX requests_one_open ON requests (resource_id)
    WHERE resource_id IS NOT NULL AND state IN ('pending-approval', 'queued', 'running');
CREATE INDEX requests_team ON requests (team, id);
CREATE INDEX requests_state ON requests (state, id);
CREATE INDEX requests_pending ON requests (expires_at) WHERE state = 'pending-approval';

CREATE TABLE approvals (
    request_id TEXT NOT NULL REFERENCES requests (id),
    person     TEXT NOT NULL,
    groups     TEXT NOT NULL,
    comment    TEXT,
    at         INTEGER NOT NULL,
    PRIMARY KEY (request_id, person)
) STRICT;

CREATE TABLE idempotency_keys (
    person     TEXT NOT NULL,
    key        TEXT NOT NULL,
    digest     TEXT NOT NULL,
    request_id TEXT NOT NULL REFERENCES requests (id),
    answer     TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (person, key)
) STRICT;

CREATE TABLE resource_transitions (
    seq         INTEGER PRIMARY KEY,
    resource_id TEXT NOT NULL REFERENCES resources (id),
    at          INTEGER NOT NULL,
    from_state  TEXT,
    to_state    TEXT NOT NULL,
    request_id  TEXT NOT NULL REFERENCES requests (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE INDEX resource_transitions_resource ON resource_transitions (resource_id, seq);
