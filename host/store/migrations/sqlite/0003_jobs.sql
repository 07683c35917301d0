-- A lease is worker, end and fence. Whoever changes a leased job names the fence, which every claim raises.
CREATE TABLE jobs (
    id           TEXT PRIMARY KEY NOT NULL,
    request_id   TEXT NOT NULL REFERENCES requests (id),
    team         TEXT NOT NULL,
    phase        TEXT NOT NULL CHECK (phase IN ('provision', 'undo', 'deprovision')),
    state        TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed')),
    attempt      INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    fence        INTEGER NOT NULL,
    begun        INTEGER NOT NULL DEFAULT 0 CHECK (begun IN (0, 1)),
    run_after    INTEGER NOT NULL,
    worker       TEXT,
    lease_until  INTEGER,
    sealed_state BLOB,
    note         TEXT,
    error        TEXT,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    CHECK ((state = 'running') = (lease_until IS NOT NULL))
) STRICT;

CREATE INDEX jobs_open ON jobs (state, run_after) WHERE state IN ('queued', 'running');
CREATE UNIQUE INDEX jobs_one_open ON jobs (request_id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_leased ON jobs (team) WHERE state = 'running';
