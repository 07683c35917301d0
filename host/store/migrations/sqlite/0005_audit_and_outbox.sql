-- Append-only: the triggers stop a slip of the hand, the hash chain shows a deliberate change.
CREATE TABLE audit (
    seq      INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    actor    TEXT,
    action   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    data     TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash     TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;

-- AUTOINCREMENT: a sequence number is never given twice, also not after delivered rows were removed.
CREATE TABLE outbox (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    type         TEXT NOT NULL,
    subject      TEXT NOT NULL,
    at           INTEGER NOT NULL,
    data         TEXT NOT NULL,
    delivered_at INTEGER
) STRICT;

CREATE INDEX outbox_pending ON outbox (seq) WHERE delivered_at IS NULL;
