-- Entries are in streams now, each a chain of its own, and say more. Those there are stay as they were written, hashed in
-- version 1, and are the beginning of the platform's stream: whoever kept their hashes still finds them.
DROP TRIGGER audit_is_not_changed;
DROP TRIGGER audit_is_not_cut;

ALTER TABLE audit ADD COLUMN version    INTEGER NOT NULL DEFAULT 1;
ALTER TABLE audit ADD COLUMN stream     TEXT NOT NULL DEFAULT 'platform';
ALTER TABLE audit ADD COLUMN place      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN address    TEXT;
ALTER TABLE audit ADD COLUMN request_id TEXT;
ALTER TABLE audit ADD COLUMN credential TEXT;
ALTER TABLE audit ADD COLUMN decision   TEXT;
ALTER TABLE audit ADD COLUMN request    TEXT;
ALTER TABLE audit ADD COLUMN before     TEXT;
ALTER TABLE audit ADD COLUMN after      TEXT;
UPDATE audit SET place = seq;

CREATE UNIQUE INDEX audit_streams ON audit (stream, place);
CREATE INDEX audit_actors ON audit (actor, seq);
CREATE INDEX audit_subjects ON audit (subject, seq);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
