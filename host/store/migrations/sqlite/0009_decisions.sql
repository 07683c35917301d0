-- Inputs and settings, each kept once however often it was used. `kind` is that of the decision which brought it, whose
-- total it counts to. A decision names its texts by number: ten bytes instead of seventy, and an index on them is
-- cheap enough to say whether anybody still needs a text.
CREATE TABLE decision_texts (
    id     INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    kind   TEXT NOT NULL,
    bytes  INTEGER NOT NULL,
    text   TEXT NOT NULL
) STRICT;

-- AUTOINCREMENT: a reader resumes at a number, so a number is never given twice, also not when the log was emptied.
CREATE TABLE decisions (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    at            INTEGER NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('policy', 'estimate', 'generate', 'plan')),
    role          TEXT NOT NULL CHECK (role IN ('active', 'canary', 'shadow')),
    team          TEXT NOT NULL,
    binding       TEXT NOT NULL,
    plugin        TEXT NOT NULL,
    version       TEXT NOT NULL,
    component     TEXT NOT NULL,
    contract      TEXT NOT NULL,
    settings      INTEGER NOT NULL REFERENCES decision_texts (id),
    input         INTEGER NOT NULL REFERENCES decision_texts (id),
    request_id    TEXT,
    subject       TEXT NOT NULL,
    output        TEXT,
    output_digest TEXT,
    error_kind    TEXT,
    error_message TEXT,
    fuel          INTEGER NOT NULL,
    wall_ns       INTEGER NOT NULL,
    peak_memory   INTEGER NOT NULL,
    output_bytes  INTEGER NOT NULL,
    log_lines     INTEGER NOT NULL,
    log_dropped   INTEGER NOT NULL,
    pair          TEXT,
    differs_from  TEXT,
    differs_to    TEXT,
    bytes         INTEGER NOT NULL,
    CHECK ((output IS NULL) <> (error_kind IS NULL)),
    CHECK ((output IS NULL) = (output_digest IS NULL)),
    CHECK ((error_kind IS NULL) = (error_message IS NULL)),
    CHECK ((differs_from IS NULL) = (differs_to IS NULL)),
    CHECK (differs_from IS NULL OR role = 'shadow')
) STRICT;

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
    kind    TEXT PRIMARY KEY NOT NULL,
    records INTEGER NOT NULL CHECK (records >= 0),
    bytes   INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;
