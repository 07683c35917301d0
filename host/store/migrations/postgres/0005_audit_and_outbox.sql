-- Append-only: the triggers stop a slip of the hand, the hash chain shows a deliberate change.
CREATE TABLE audit (
    seq      bigint PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor    text,
    action   text NOT NULL,
    subject  text NOT NULL,
    data     text NOT NULL,
    previous text NOT NULL,
    hash     text NOT NULL
);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

CREATE TABLE outbox (
    seq          bigint PRIMARY KEY,
    type         text NOT NULL,
    subject      text NOT NULL,
    at           timestamptz NOT NULL,
    data         text NOT NULL,
    delivered_at timestamptz
);

CREATE INDEX outbox_pending ON outbox (seq) WHERE delivered_at IS NULL;

-- Where the outbox ends, and the lock on the journal: whoever writes to audit log and outbox holds this row until its
-- commit. A sequence would give numbers in one order and commits would come in another, so that a reader could see an
-- event after a later one. It is not taken from the rows: those that were delivered are removed.
CREATE TABLE journal (
    one  integer PRIMARY KEY CHECK (one = 1),
    told bigint NOT NULL CHECK (told >= 0)
);

INSERT INTO journal (one, told) VALUES (1, 0);
