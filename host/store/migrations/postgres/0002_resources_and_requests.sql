-- A resource holds its name, its share of the quota and at most one open request. The indexes below say the same as
-- the code: what the code would ever get wrong, the database refuses. `provider` is the pin in `desired`, which is not
-- looked into here.
CREATE TABLE resources (
    id              text COLLATE "C" PRIMARY KEY,
    namespace       text COLLATE "C" NOT NULL,
    environment     text COLLATE "C" NOT NULL REFERENCES environments (name),
    type            text COLLATE "C" NOT NULL,
    name            text COLLATE "C" NOT NULL,
    team            text COLLATE "C" NOT NULL REFERENCES teams (name),
    state           text COLLATE "C" NOT NULL
        CHECK (state IN ('creating', 'ready', 'updating', 'deleting', 'deleted', 'failed')),
    desired         text NOT NULL,
    provider        text COLLATE "C" NOT NULL,
    monthly         text NOT NULL,
    pending_monthly text,
    outputs         text NOT NULL,
    revision        bigint NOT NULL CHECK (revision >= 0),
    open_request    text COLLATE "C",
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    ready_at        timestamptz,
    expires_at      timestamptz,
    CHECK (open_request IS NOT NULL OR state NOT IN ('creating', 'updating')),
    CHECK (open_request IS NULL OR state NOT IN ('deleted', 'failed')),
    CHECK (open_request IS NOT NULL OR pending_monthly IS NULL)
);

CREATE UNIQUE INDEX resources_live_name ON resources (namespace, environment, type, name)
    WHERE state NOT IN ('deleted', 'failed');
CREATE INDEX resources_live_team ON resources (team) WHERE state NOT IN ('deleted', 'failed');
CREATE INDEX resources_expiry ON resources (expires_at) WHERE state = 'ready';

CREATE TABLE requests (
    id            text COLLATE "C" PRIMARY KEY,
    action        text COLLATE "C" NOT NULL CHECK (action IN ('create', 'update', 'delete', 'scaffold')),
    state         text COLLATE "C" NOT NULL
        CHECK (state IN ('denied', 'pending-approval', 'queued', 'running', 'succeeded', 'failed', 'rejected', 'expired',
                         'cancelled')),
    team          text COLLATE "C" NOT NULL REFERENCES teams (name),
    person        text COLLATE "C" NOT NULL,
    actor         text NOT NULL,
    resource_id   text COLLATE "C" REFERENCES resources (id),
    resource_key  text COLLATE "C",
    found_state   text,
    scaffold_id   text COLLATE "C",
    template      text COLLATE "C",
    document      text NOT NULL,
    desired       text,
    provider      text COLLATE "C",
    decision      text NOT NULL,
    digest        text NOT NULL,
    needs         text NOT NULL,
    reservation   text,
    job_id        text COLLATE "C",
    failure       text,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    expires_at    timestamptz,
    CHECK ((action = 'scaffold') = (template IS NOT NULL)),
    CHECK ((action = 'scaffold') = (resource_key IS NULL)),
    CHECK ((state = 'pending-approval') = (expires_at IS NOT NULL)),
    CHECK ((desired IS NULL) = (provider IS NULL))
);

CREATE UNIQUE INDEX requests_one_open ON requests (resource_id)
    WHERE resource_id IS NOT NULL AND state IN ('pending-approval', 'queued', 'running');
CREATE INDEX requests_team ON requests (team, id);
CREATE INDEX requests_state ON requests (state, id);
CREATE INDEX requests_pending ON requests (expires_at) WHERE state = 'pending-approval';

ALTER TABLE resources ADD FOREIGN KEY (open_request) REFERENCES requests (id) DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE approvals (
    request_id text COLLATE "C" NOT NULL REFERENCES requests (id),
    person     text COLLATE "C" NOT NULL,
    groups     text NOT NULL,
    comment    text,
    at         timestamptz NOT NULL,
    PRIMARY KEY (request_id, person)
);

CREATE TABLE idempotency_keys (
    person     text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    digest     text NOT NULL,
    request_id text COLLATE "C" NOT NULL REFERENCES requests (id),
    answer     text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (person, key)
);

-- Transitions of one resource are written under the lock on its row, so their numbers are in their order.
CREATE TABLE resource_transitions (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resource_id text COLLATE "C" NOT NULL REFERENCES resources (id),
    at          timestamptz NOT NULL,
    from_state  text,
    to_state    text NOT NULL,
    request_id  text COLLATE "C" NOT NULL REFERENCES requests (id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX resource_transitions_resource ON resource_transitions (resource_id, seq);
