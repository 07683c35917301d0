-- Who may hear of an event: its team, everybody, or administrators only. What was told before is given to whom the
-- newer events of its kind are given to.
ALTER TABLE outbox ADD COLUMN audience text NOT NULL DEFAULT 'admins' CHECK (audience IN ('team', 'everybody', 'admins'));
ALTER TABLE outbox ADD COLUMN team text COLLATE "C";

-- PostgreSQL reads no JSON with a NUL's escape in it, which a plugin's text may have; what it is replaced by is not kept.
UPDATE outbox SET audience = 'team', team = replace(data, '\u0000', '\ufffd')::json ->> 'team'
    WHERE type LIKE 'macadam.request.%' AND replace(data, '\u0000', '\ufffd')::json ->> 'team' IS NOT NULL;
-- The first part of a resource's name is its team.
UPDATE outbox SET audience = 'team', team = split_part(replace(data, '\u0000', '\ufffd')::json ->> 'resource', '/', 1)
    WHERE type LIKE 'macadam.resource.%' AND replace(data, '\u0000', '\ufffd')::json ->> 'resource' LIKE '_%/%';
UPDATE outbox SET audience = 'team', team = replace(data, '\u0000', '\ufffd')::json -> 'team' ->> 'name'
    WHERE type = 'macadam.team.changed' AND replace(data, '\u0000', '\ufffd')::json -> 'team' ->> 'name' IS NOT NULL;
UPDATE outbox SET audience = 'everybody' WHERE type LIKE 'macadam.environment.%' OR type LIKE 'macadam.namespace.%';

-- Events are kept for a time, whoever has read them: each reader knows its own place.
DROP INDEX outbox_pending;
ALTER TABLE outbox DROP COLUMN delivered_at;
CREATE INDEX outbox_audience ON outbox (audience, team, seq);

-- A lease is worker, end and fence, as with jobs. `cursor` is the last event that needs no attempt any more.
CREATE TABLE webhooks (
    id              text COLLATE "C" PRIMARY KEY,
    team            text COLLATE "C" NOT NULL REFERENCES teams (name),
    description     text NOT NULL,
    url             text NOT NULL,
    types           text NOT NULL,
    subject         text,
    state           text NOT NULL CHECK (state IN ('active', 'disabled')),
    reason          text,
    secret          bytea NOT NULL,
    previous_secret bytea,
    previous_until  timestamptz,
    cursor          bigint NOT NULL,
    failures        bigint NOT NULL DEFAULT 0,
    failing_since   timestamptz,
    next_attempt    timestamptz NOT NULL,
    fence           bigint NOT NULL DEFAULT 0,
    worker          text,
    lease_until     timestamptz,
    last_success_at timestamptz,
    last_error      text,
    last_error_at   timestamptz,
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CHECK ((state = 'disabled') = (reason IS NOT NULL)),
    CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
);

CREATE INDEX webhooks_of_team ON webhooks (team, id);
CREATE INDEX webhooks_due ON webhooks (next_attempt) WHERE state = 'active';

-- What was sent and what came back, kept for some days.
CREATE TABLE webhook_deliveries (
    id          text COLLATE "C" PRIMARY KEY,
    webhook     text COLLATE "C" NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event       bigint,
    type        text NOT NULL,
    attempt     bigint NOT NULL,
    at          timestamptz NOT NULL,
    took_micros bigint NOT NULL,
    status      bigint,
    error       text
);

CREATE INDEX webhook_deliveries_of ON webhook_deliveries (webhook, id);
CREATE INDEX webhook_deliveries_old ON webhook_deliveries (at);
