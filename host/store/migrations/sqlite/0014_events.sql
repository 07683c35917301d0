-- Who may hear of an event: its team, everybody, or administrators only. What was told before is given to whom the
-- newer events of its kind are given to.
ALTER TABLE outbox ADD COLUMN audience TEXT NOT NULL DEFAULT 'admins' CHECK (audience IN ('team', 'everybody', 'admins'));
ALTER TABLE outbox ADD COLUMN team TEXT;

UPDATE outbox SET audience = 'team', team = json_extract(data, '$.team')
    WHERE type LIKE 'macadam.request.%' AND json_extract(data, '$.team') IS NOT NULL;
-- The first part of a resource's name is its team.
UPDATE outbox SET audience = 'team', team = substr(json_extract(data, '$.resource'), 1, instr(json_extract(data, '$.resource'), '/') - 1)
    WHERE type LIKE 'macadam.resource.%' AND instr(json_extract(data, '$.resource'), '/') > 1;
UPDATE outbox SET audience = 'team', team = json_extract(data, '$.team.name')
    WHERE type = 'macadam.team.changed' AND json_extract(data, '$.team.name') IS NOT NULL;
UPDATE outbox SET audience = 'everybody' WHERE type LIKE 'macadam.environment.%' OR type LIKE 'macadam.namespace.%';

-- Events are kept for a time, whoever has read them: each reader knows its own place.
DROP INDEX outbox_pending;
ALTER TABLE outbox DROP COLUMN delivered_at;
CREATE INDEX outbox_audience ON outbox (audience, team, seq);

-- A lease is worker, end and fence, as with jobs. `cursor` is the last event that needs no attempt any more.
CREATE TABLE webhooks (
    id              TEXT PRIMARY KEY NOT NULL,
    team            TEXT NOT NULL REFERENCES teams (name),
    description     TEXT NOT NULL,
    url             TEXT NOT NULL,
    types           TEXT NOT NULL,
    subject         TEXT,
    state           TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
    reason          TEXT,
    secret          BLOB NOT NULL,
    previous_secret BLOB,
    previous_until  INTEGER,
    cursor          INTEGER NOT NULL,
    failures        INTEGER NOT NULL DEFAULT 0,
    failing_since   INTEGER,
    next_attempt    INTEGER NOT NULL,
    fence           INTEGER NOT NULL DEFAULT 0,
    worker          TEXT,
    lease_until     INTEGER,
    last_success_at INTEGER,
    last_error      TEXT,
    last_error_at   INTEGER,
    created_by      TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    CHECK ((state = 'disabled') = (reason IS NOT NULL)),
    CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
) STRICT;

CREATE INDEX webhooks_of_team ON webhooks (team, id);
CREATE INDEX webhooks_due ON webhooks (next_attempt) WHERE state = 'active';

-- What was sent and what came back, kept for some days.
CREATE TABLE webhook_deliveries (
    id          TEXT PRIMARY KEY NOT NULL,
    webhook     TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event       INTEGER,
    type        TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    took_micros INTEGER NOT NULL,
    status      INTEGER,
    error       TEXT
) STRICT;

CREATE INDEX webhook_deliveries_of ON webhook_deliveries (webhook, id);
CREATE INDEX webhook_deliveries_old ON webhook_deliveries (at);
