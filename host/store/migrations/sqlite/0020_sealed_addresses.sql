-- An address of a webhook is often a secret of its receiver's, so it is sealed. One that was kept before is in `url` until
-- the sealing round finds it below, where nothing says a key; after that `url` is empty.
ALTER TABLE webhooks ADD COLUMN sealed_url BLOB CHECK (sealed_url IS NULL OR url = '');

DROP VIEW sealed_values;
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
    UNION ALL
    SELECT 'webhook-url', id, '', '', sealed_url FROM webhooks WHERE sealed_url IS NOT NULL
    UNION ALL
    SELECT 'webhook-url-before', id, '', '', CAST(url AS BLOB) FROM webhooks WHERE sealed_url IS NULL
);
