-- A lease is worker, end and fence. Whoever changes a leased job names the fence, which every claim raises.
CREATE TABLE jobs (
    id           text COLLATE "C" PRIMARY KEY,
    request_id   text COLLATE "C" NOT NULL REFERENCES requests (id),
    team         text COLLATE "C" NOT NULL,
    phase        text COLLATE "C" NOT NULL CHECK (phase IN ('provision', 'undo', 'deprovision')),
    state        text COLLATE "C" NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed')),
    attempt      bigint NOT NULL,
    failures     bigint NOT NULL,
    fence        bigint NOT NULL,
    begun        boolean NOT NULL DEFAULT false,
    run_after    timestamptz NOT NULL,
    worker       text,
    lease_until  timestamptz,
    sealed_state bytea,
    note         text,
    error        text,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    CHECK ((state = 'running') = (lease_until IS NOT NULL))
);

CREATE INDEX jobs_open ON jobs (state, run_after) WHERE state IN ('queued', 'running');
CREATE UNIQUE INDEX jobs_one_open ON jobs (request_id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_leased ON jobs (team) WHERE state = 'running';
