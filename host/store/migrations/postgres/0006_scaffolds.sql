CREATE TABLE scaffolds (
    id         text COLLATE "C" PRIMARY KEY,
    request_id text COLLATE "C" NOT NULL UNIQUE REFERENCES requests (id),
    template   text COLLATE "C" NOT NULL,
    document   text NOT NULL,
    created_at timestamptz NOT NULL
);
