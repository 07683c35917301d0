-- Answers that clients may ask for again, for every kind of request and not only for those for resources: what was
-- answered whole, sealed. Keys from before are over; none of them was promised for longer than a client retries.
DROP TABLE idempotency_keys;

CREATE TABLE idempotency_keys (
    caller text COLLATE "C" NOT NULL,
    key    text COLLATE "C" NOT NULL,
    asked  text NOT NULL,
    holder text NOT NULL,
    until  timestamptz NOT NULL,
    answer bytea,
    at     timestamptz NOT NULL,
    PRIMARY KEY (caller, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (at);
