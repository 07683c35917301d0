-- Answers that clients may ask for again, for every kind of request and not only for those for resources: what was
-- answered whole, sealed. Keys from before are over; none of them was promised for longer than a client retries.
DROP TABLE idempotency_keys;

CREATE TABLE idempotency_keys (
    caller TEXT NOT NULL,
    key    TEXT NOT NULL,
    asked  TEXT NOT NULL,
    holder TEXT NOT NULL,
    until  INTEGER NOT NULL,
    answer BLOB,
    at     INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (at);
