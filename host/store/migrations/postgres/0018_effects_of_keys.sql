-- What was done under a key, for whoever inherits it from a host that died before it could answer.
ALTER TABLE idempotency_keys ADD COLUMN effect text;
