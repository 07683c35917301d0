-- The master key can be replaced. A sealed value says under which key it is: the mark `macadam` with a byte 1, the key's
-- id, and what is sealed. One without the mark is from before there were several keys.

-- Nothing is sealed under these any more, and nothing will be: the references below refuse it.
CREATE TABLE retired_sealing_keys (
    id         text COLLATE "C" PRIMARY KEY,
    since      timestamptz NOT NULL,
    retired_at timestamptz NOT NULL
);

-- A key goes from one table to the other while no value refers to it, which the database itself sees to, whichever
-- host writes in that moment.
ALTER TABLE secrets ADD COLUMN sealed_by text COLLATE "C"
    GENERATED ALWAYS AS (CASE WHEN substring(sealed from 1 for 8) = '\x6d61636164616d01'::bytea
                              THEN encode(substring(sealed from 9 for 8), 'hex') END) STORED
    REFERENCES sealing_keys (id);
ALTER TABLE jobs ADD COLUMN sealed_by text COLLATE "C"
    GENERATED ALWAYS AS (CASE WHEN substring(sealed_state from 1 for 8) = '\x6d61636164616d01'::bytea
                              THEN encode(substring(sealed_state from 9 for 8), 'hex') END) STORED
    REFERENCES sealing_keys (id);
ALTER TABLE webhooks ADD COLUMN sealed_by text COLLATE "C"
    GENERATED ALWAYS AS (CASE WHEN substring(secret from 1 for 8) = '\x6d61636164616d01'::bytea
                              THEN encode(substring(secret from 9 for 8), 'hex') END) STORED
    REFERENCES sealing_keys (id);
ALTER TABLE webhooks ADD COLUMN previous_sealed_by text COLLATE "C"
    GENERATED ALWAYS AS (CASE WHEN substring(previous_secret from 1 for 8) = '\x6d61636164616d01'::bytea
                              THEN encode(substring(previous_secret from 9 for 8), 'hex') END) STORED
    REFERENCES sealing_keys (id);
ALTER TABLE idempotency_keys ADD COLUMN sealed_by text COLLATE "C"
    GENERATED ALWAYS AS (CASE WHEN substring(answer from 1 for 8) = '\x6d61636164616d01'::bytea
                              THEN encode(substring(answer from 9 for 8), 'hex') END) STORED
    REFERENCES sealing_keys (id);

-- Everything that is sealed for longer than a day, with what it is sealed to.
CREATE VIEW sealed_values (kind, id, scope, name, sealed, sealed_by) AS
SELECT 'secret'::text COLLATE "C", handle, scope::text, name::text, sealed, sealed_by FROM secrets
UNION ALL
SELECT 'job-state'::text COLLATE "C", id, phase::text, ''::text, sealed_state, sealed_by FROM jobs
WHERE sealed_state IS NOT NULL
UNION ALL
SELECT 'webhook-secret'::text COLLATE "C", id, ''::text, ''::text, secret, sealed_by FROM webhooks
UNION ALL
SELECT 'webhook-secret-before'::text COLLATE "C", id, ''::text, ''::text, previous_secret, previous_sealed_by FROM webhooks
WHERE previous_secret IS NOT NULL;
