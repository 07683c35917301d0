-- Inputs and settings, each kept once however often it was used. `kind` is that of the decision which brought it, whose
-- total it counts to. A decision names its texts by number: eight bytes instead of seventy, and an index on them is
-- cheap enough to say whether anybody still needs a text.
CREATE TABLE decision_texts (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest text COLLATE "C" NOT NULL UNIQUE,
    kind   text NOT NULL,
    bytes  bigint NOT NULL,
    text   text NOT NULL
);

CREATE TABLE decisions (
    seq           bigint PRIMARY KEY,
    at            timestamptz NOT NULL,
    kind          text COLLATE "C" NOT NULL CHECK (kind IN ('policy', 'estimate', 'generate', 'plan')),
    role          text COLLATE "C" NOT NULL CHECK (role IN ('active', 'canary', 'shadow')),
    team          text COLLATE "C" NOT NULL,
    binding       text COLLATE "C" NOT NULL,
    plugin        text COLLATE "C" NOT NULL,
    version       text NOT NULL,
    component     text COLLATE "C" NOT NULL,
    contract      text NOT NULL,
    settings      bigint NOT NULL REFERENCES decision_texts (id),
    input         bigint NOT NULL REFERENCES decision_texts (id),
    request_id    text,
    subject       text NOT NULL,
    output        text,
    output_digest text,
    error_kind    text,
    error_message text,
    fuel          bigint NOT NULL,
    wall_ns       bigint NOT NULL,
    peak_memory   bigint NOT NULL,
    output_bytes  bigint NOT NULL,
    log_lines     bigint NOT NULL,
    log_dropped   bigint NOT NULL,
    pair          text COLLATE "C",
    differs_from  text,
    differs_to    text,
    bytes         bigint NOT NULL,
    CHECK ((output IS NULL) <> (error_kind IS NULL)),
    CHECK ((output IS NULL) = (output_digest IS NULL)),
    CHECK ((error_kind IS NULL) = (error_message IS NULL)),
    CHECK ((differs_from IS NULL) = (differs_to IS NULL)),
    CHECK (differs_from IS NULL OR role = 'shadow')
);

CREATE INDEX decisions_kind ON decisions (kind, seq);
CREATE INDEX decisions_binding ON decisions (binding, seq);
CREATE INDEX decisions_plugin ON decisions (plugin, seq);
CREATE INDEX decisions_component ON decisions (component, seq);
CREATE INDEX decisions_team ON decisions (team, seq);
CREATE INDEX decisions_at ON decisions (at, seq);
CREATE INDEX decisions_tried ON decisions (role, seq) WHERE role <> 'active';
CREATE INDEX decisions_pair ON decisions (pair) WHERE pair IS NOT NULL;
CREATE INDEX decisions_differ ON decisions (binding, seq) WHERE differs_from IS NOT NULL;
CREATE INDEX decisions_settings ON decisions (settings);
CREATE INDEX decisions_input ON decisions (input);

-- What there is of each kind, changed with it: retention asks often, and counting takes longer the more there is.
CREATE TABLE decision_totals (
    kind    text COLLATE "C" PRIMARY KEY,
    records bigint NOT NULL CHECK (records >= 0),
    bytes   bigint NOT NULL CHECK (bytes >= 0)
);

-- Where the log ends, and the lock on it: a batch takes its numbers from here and holds the row until its commit, so
-- that no reader sees a number after a later one. A number is never given twice, also not when the log was emptied.
CREATE TABLE decision_log (
    one integer PRIMARY KEY CHECK (one = 1),
    seq bigint NOT NULL CHECK (seq >= 0),
    at  timestamptz NOT NULL
);

INSERT INTO decision_log (one, seq, at) VALUES (1, 0, '1970-01-01T00:00:00Z');
