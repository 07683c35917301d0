-- A job also ends as `cancelled` or, when it could neither be finished nor undone, as `dead`. SQLite changes no CHECK of
-- a table that is there, so the table is made anew; nothing refers to it.
CREATE TABLE jobs_new (
    id            TEXT PRIMARY KEY NOT NULL,
    request_id    TEXT NOT NULL REFERENCES requests (id),
    team          TEXT NOT NULL,
    provider      TEXT NOT NULL,
    phase         TEXT NOT NULL CHECK (phase IN ('provision', 'undo', 'deprovision')),
    state         TEXT NOT NULL
        CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'dead')),
    attempt       INTEGER NOT NULL,
    failures      INTEGER NOT NULL,
    failing_since INTEGER,
    fence         INTEGER NOT NULL,
    begun         INTEGER NOT NULL DEFAULT 0 CHECK (begun IN (0, 1)),
    run_after     INTEGER NOT NULL,
    worker        TEXT,
    lease_until   INTEGER,
    sealed_state  BLOB,
    note          TEXT,
    error         TEXT,
    error_class   TEXT,
    cancelled_by  TEXT,
    cancelled_at  INTEGER,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK ((cancelled_by IS NULL) = (cancelled_at IS NULL)),
    CHECK (cancelled_at IS NOT NULL OR state <> 'cancelled')
) STRICT;

INSERT INTO jobs_new (id, request_id, team, provider, phase, state, attempt, failures, fence, begun, run_after, worker,
                      lease_until, sealed_state, note, error, created_at, updated_at)
SELECT jobs.id, jobs.request_id, jobs.team, coalesce(json_extract(resources.desired, '$.provider.plugin.name'), ''),
       jobs.phase, jobs.state, jobs.attempt, jobs.failures, jobs.fence, jobs.begun, jobs.run_after, jobs.worker,
       jobs.lease_until, jobs.sealed_state, jobs.note, jobs.error, jobs.created_at, jobs.updated_at
FROM jobs
LEFT JOIN requests ON requests.id = jobs.request_id
LEFT JOIN resources ON resources.id = requests.resource_id;

DROP TABLE jobs;
ALTER TABLE jobs_new RENAME TO jobs;

CREATE INDEX jobs_open ON jobs (state, run_after) WHERE state IN ('queued', 'running');
CREATE UNIQUE INDEX jobs_one_open ON jobs (request_id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_leased ON jobs (team) WHERE state = 'running';
CREATE INDEX jobs_dead ON jobs (request_id) WHERE state = 'dead';
CREATE INDEX jobs_team ON jobs (team, id);

-- When a team was last served, counted in claims: of two teams with as many jobs at work, the one that waits longer.
CREATE TABLE job_turns (
    team TEXT PRIMARY KEY NOT NULL,
    turn INTEGER NOT NULL
) STRICT;

-- What each claim of a job came to. `ended_at` is missing while a worker is at it.
CREATE TABLE job_attempts (
    job_id      TEXT NOT NULL REFERENCES jobs (id),
    fence       INTEGER NOT NULL,
    phase       TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    worker      TEXT NOT NULL,
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    outcome     TEXT CHECK (outcome IN ('progressed', 'done', 'retried', 'undoing', 'failed', 'returned', 'cancelled',
                                        'dead', 'lost')),
    error_class TEXT,
    note        TEXT,
    PRIMARY KEY (job_id, fence),
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
) STRICT;

CREATE INDEX job_attempts_ended ON job_attempts (ended_at) WHERE ended_at IS NOT NULL;

-- Work by the clock. A lease is worker, end and fence, as for jobs.
CREATE TABLE schedules (
    name            TEXT PRIMARY KEY NOT NULL,
    timing          TEXT NOT NULL,
    next_run_at     INTEGER NOT NULL,
    fence           INTEGER NOT NULL,
    worker          TEXT,
    lease_until     INTEGER,
    failures        INTEGER NOT NULL,
    last_started_at INTEGER,
    last_ended_at   INTEGER,
    last_outcome    TEXT CHECK (last_outcome IN ('succeeded', 'failed', 'lost')),
    last_note       TEXT,
    CHECK ((worker IS NULL) = (lease_until IS NULL))
) STRICT;

-- What a provider last saw of a resource.
CREATE TABLE resource_health (
    resource_id TEXT PRIMARY KEY NOT NULL REFERENCES resources (id),
    state       TEXT NOT NULL CHECK (state IN ('healthy', 'degraded', 'unhealthy', 'unknown')),
    message     TEXT,
    since       INTEGER NOT NULL,
    checked_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX resource_health_checked ON resource_health (checked_at);
