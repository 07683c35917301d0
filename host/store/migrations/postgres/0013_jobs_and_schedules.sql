-- A job also ends as `cancelled` or, when it could neither be finished nor undone, as `dead`.
ALTER TABLE jobs DROP CONSTRAINT jobs_state_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_state_check
    CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'dead'));
ALTER TABLE jobs
    ADD COLUMN provider text COLLATE "C",
    ADD COLUMN failing_since timestamptz,
    ADD COLUMN error_class text,
    ADD COLUMN cancelled_by text,
    ADD COLUMN cancelled_at timestamptz,
    ADD CHECK ((cancelled_by IS NULL) = (cancelled_at IS NULL)),
    ADD CHECK (cancelled_at IS NOT NULL OR state <> 'cancelled');

UPDATE jobs SET provider = coalesce(
    (SELECT resources.provider::json -> 'plugin' ->> 'name' FROM requests
     JOIN resources ON resources.id = requests.resource_id WHERE requests.id = jobs.request_id), '');
ALTER TABLE jobs ALTER COLUMN provider SET NOT NULL;

CREATE INDEX jobs_dead ON jobs (request_id) WHERE state = 'dead';
CREATE INDEX jobs_team ON jobs (team, id);

-- When a team was last served, counted in claims: of two teams with as many jobs at work, the one that waits longer.
CREATE TABLE job_turns (
    team text COLLATE "C" PRIMARY KEY,
    turn bigint NOT NULL
);

-- What each claim of a job came to. `ended_at` is missing while a worker is at it.
CREATE TABLE job_attempts (
    job_id      text COLLATE "C" NOT NULL REFERENCES jobs (id),
    fence       bigint NOT NULL,
    phase       text COLLATE "C" NOT NULL,
    attempt     bigint NOT NULL,
    worker      text NOT NULL,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    outcome     text COLLATE "C" CHECK (outcome IN ('progressed', 'done', 'retried', 'undoing', 'failed', 'returned',
                                                    'cancelled', 'dead', 'lost')),
    error_class text COLLATE "C",
    note        text,
    PRIMARY KEY (job_id, fence),
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
);

CREATE INDEX job_attempts_ended ON job_attempts (ended_at) WHERE ended_at IS NOT NULL;

-- Work by the clock. A lease is worker, end and fence, as for jobs.
CREATE TABLE schedules (
    name            text COLLATE "C" PRIMARY KEY,
    timing          text NOT NULL,
    next_run_at     timestamptz NOT NULL,
    fence           bigint NOT NULL,
    worker          text,
    lease_until     timestamptz,
    failures        bigint NOT NULL,
    last_started_at timestamptz,
    last_ended_at   timestamptz,
    last_outcome    text COLLATE "C" CHECK (last_outcome IN ('succeeded', 'failed', 'lost')),
    last_note       text,
    CHECK ((worker IS NULL) = (lease_until IS NULL))
);

-- What a provider last saw of a resource.
CREATE TABLE resource_health (
    resource_id text COLLATE "C" PRIMARY KEY REFERENCES resources (id),
    state       text COLLATE "C" NOT NULL CHECK (state IN ('healthy', 'degraded', 'unhealthy', 'unknown')),
    message     text,
    since       timestamptz NOT NULL,
    checked_at  timestamptz NOT NULL
);

CREATE INDEX resource_health_checked ON resource_health (checked_at);
