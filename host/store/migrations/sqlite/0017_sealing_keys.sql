-- The master key can be replaced. A sealed value says under which key it is: the mark `macadam` with a byte 1, the key's
-- id, and what is sealed. One without the mark is from before there were several keys.

-- Nothing is sealed under these any more, and nothing will be.
CREATE TABLE retired_sealing_keys (
    id         TEXT PRIMARY KEY NOT NULL,
    since      INTEGER NOT NULL,
    retired_at INTEGER NOT NULL
) STRICT;

-- Everything that is sealed for longer than a day, with what it is sealed to.
CREATE VIEW sealed_values (kind, id, scope, name, sealed, sealed_by) AS
SELECT kind, id, scope, name, sealed,
       CASE WHEN substr(sealed, 1, 8) = X'6d61636164616d01' THEN lower(hex(substr(sealed, 9, 8))) END
FROM (
    SELECT 'secret' AS kind, handle AS id, scope, name, sealed FROM secrets
    UNION ALL
    SELECT 'job-state', id, phase, '', sealed_state FROM jobs WHERE sealed_state IS NOT NULL
    UNION ALL
    SELECT 'webhook-secret', id, '', '', secret FROM webhooks
    UNION ALL
    SELECT 'webhook-secret-before', id, '', '', previous_secret FROM webhooks WHERE previous_secret IS NOT NULL
);
