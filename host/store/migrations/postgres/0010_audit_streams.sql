-- Entries are in streams now, each a chain of its own, and say more. Those there are stay as they were written, hashed in
-- version 1, and are the beginning of the platform's stream: whoever kept their hashes still finds them.
ALTER TABLE audit DISABLE TRIGGER audit_is_not_changed;

ALTER TABLE audit
    ADD COLUMN version    bigint NOT NULL DEFAULT 1,
    ADD COLUMN stream     text NOT NULL DEFAULT 'platform',
    ADD COLUMN place      bigint NOT NULL DEFAULT 0,
    ADD COLUMN address    text,
    ADD COLUMN request_id text,
    ADD COLUMN credential text,
    ADD COLUMN decision   text,
    ADD COLUMN request    text,
    ADD COLUMN before     text,
    ADD COLUMN after      text;
UPDATE audit SET place = seq;
ALTER TABLE audit ENABLE TRIGGER audit_is_not_changed;

CREATE UNIQUE INDEX audit_streams ON audit (stream, place);
CREATE INDEX audit_actors ON audit (actor, seq);
CREATE INDEX audit_subjects ON audit (subject, seq);
