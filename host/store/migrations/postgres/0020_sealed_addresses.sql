-- An address of a webhook is often a secret of its receiver's, so it is sealed. One that was kept before is in `url` until
-- the sealing round finds it below, where nothing says a key; after that `url` is empty.
ALTER TABLE webhooks ADD COLUMN sealed_url bytea;
ALTER TABLE webhooks ADD COLUMN url_sealed_by text COLLATE "C"
    GENERATED ALWAYS AS (CASE WHEN substring(sealed_url from 1 for 8) = '\x6d61636164616d01'::bytea
                              THEN encode(substring(sealed_url from 9 for 8), 'hex') END) STORED
    REFERENCES sealing_keys (id);
ALTER TABLE webhooks ADD CHECK (sealed_url IS NULL OR url = '');

CREATE OR REPLACE VIEW sealed_values (kind, id, scope, name, sealed, sealed_by) AS
SELECT 'secret'::text COLLATE "C", handle, scope::text, name::text, sealed, sealed_by FROM secrets
UNION ALL
SELECT 'job-state'::text COLLATE "C", id, phase::text, ''::text, sealed_state, sealed_by FROM jobs
WHERE sealed_state IS NOT NULL
UNION ALL
SELECT 'webhook-secret'::text COLLATE "C", id, ''::text, ''::text, secret, sealed_by FROM webhooks
UNION ALL
SELECT 'webhook-secret-before'::text COLLATE "C", id, ''::text, ''::text, previous_secret, previous_sealed_by FROM webhooks
WHERE previous_secret IS NOT NULL
UNION ALL
SELECT 'webhook-url'::text COLLATE "C", id, ''::text, ''::text, sealed_url, url_sealed_by FROM webhooks
WHERE sealed_url IS NOT NULL
UNION ALL
SELECT 'webhook-url-before'::text COLLATE "C", id, ''::text, ''::text, convert_to(url, 'UTF8'), NULL FROM webhooks
WHERE sealed_url IS NULL;
