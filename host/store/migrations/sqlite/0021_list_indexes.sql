-- Lists begin where their page begins, whatever they are narrowed by: each filter has an index in the order of ids, and what
-- is gone is in one of its own, so that it is in nobody's way however much it grows to be.
DROP INDEX resources_namespace;
DROP INDEX resources_in_motion;
CREATE INDEX resources_live ON resources (id) WHERE state NOT IN ('deleted', 'failed');
CREATE INDEX resources_gone ON resources (id) WHERE state IN ('deleted', 'failed');
CREATE INDEX resources_gone_team ON resources (team, id) WHERE state IN ('deleted', 'failed');
CREATE INDEX resources_live_namespace ON resources (namespace, id) WHERE state NOT IN ('deleted', 'failed');
CREATE INDEX resources_gone_namespace ON resources (namespace, id) WHERE state IN ('deleted', 'failed');
CREATE INDEX resources_live_type ON resources (type, id) WHERE state NOT IN ('deleted', 'failed');
CREATE INDEX resources_gone_type ON resources (type, id) WHERE state IN ('deleted', 'failed');
CREATE INDEX resources_live_environment ON resources (environment, id) WHERE state NOT IN ('deleted', 'failed');
CREATE INDEX resources_gone_environment ON resources (environment, id) WHERE state IN ('deleted', 'failed');
CREATE INDEX resources_state ON resources (state, id);

-- Two filters that each leave many may together leave few. Members of a team always ask for what the team has.
CREATE INDEX resources_live_team_environment ON resources (team, environment, id)
    WHERE state NOT IN ('deleted', 'failed');
CREATE INDEX resources_live_team_type ON resources (team, type, id) WHERE state NOT IN ('deleted', 'failed');
CREATE INDEX requests_team_state ON requests (team, state, id);

-- The tags of resources and requests, as rows that can be found. The documents are what counts; triggers keep these, so that
-- no change can forget to. Resources and requests are never removed, and so their tags are not either.
CREATE TABLE resource_tags (
    id    TEXT NOT NULL,
    team  TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    gone  INTEGER NOT NULL,
    PRIMARY KEY (id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX resource_tags_value ON resource_tags (key, value, gone, id);
CREATE INDEX resource_tags_key ON resource_tags (key, gone, id);
CREATE INDEX resource_tags_team ON resource_tags (team, key, value, gone, id);

CREATE TABLE request_tags (
    id    TEXT NOT NULL,
    team  TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX request_tags_value ON request_tags (key, value, id);
CREATE INDEX request_tags_key ON request_tags (key, id);
CREATE INDEX request_tags_team ON request_tags (team, key, value, id);

-- What the documents say. A change must not fail because of a document that says nothing sensible: it has no tags.
CREATE VIEW tags_of_resources (id, team, key, value, gone) AS
SELECT resources.id, resources.team, tag.key, tag.value, resources.state IN ('deleted', 'failed')
FROM resources CROSS JOIN json_each(
    CASE WHEN NOT json_valid(resources.desired) THEN '{}'
         WHEN json_type(resources.desired, '$.tags') = 'object' THEN json_extract(resources.desired, '$.tags')
         ELSE '{}' END) AS tag
WHERE tag.type = 'text';

-- A request for a project has them in what was wished.
CREATE VIEW tags_of_requests (id, team, key, value) AS
SELECT requests.id, requests.team, tag.key, tag.value
FROM requests CROSS JOIN json_each(
    CASE WHEN NOT json_valid(requests.document) THEN '{}'
         WHEN json_type(requests.document, '$.tags') = 'object' THEN json_extract(requests.document, '$.tags')
         WHEN json_type(requests.document, '$.wish.tags') = 'object' THEN json_extract(requests.document, '$.wish.tags')
         ELSE '{}' END) AS tag
WHERE tag.type = 'text';

INSERT OR IGNORE INTO resource_tags (id, team, key, value, gone) SELECT id, team, key, value, gone FROM tags_of_resources;
INSERT OR IGNORE INTO request_tags (id, team, key, value) SELECT id, team, key, value FROM tags_of_requests;

CREATE TRIGGER resource_tags_begin AFTER INSERT ON resources
BEGIN
    INSERT OR IGNORE INTO resource_tags (id, team, key, value, gone)
    SELECT id, team, key, value, gone FROM tags_of_resources WHERE id = NEW.id;
END;

CREATE TRIGGER resource_tags_follow AFTER UPDATE OF desired, state ON resources
WHEN OLD.desired <> NEW.desired OR (OLD.state IN ('deleted', 'failed')) <> (NEW.state IN ('deleted', 'failed'))
BEGIN
    DELETE FROM resource_tags WHERE id = NEW.id;
    INSERT OR IGNORE INTO resource_tags (id, team, key, value, gone)
    SELECT id, team, key, value, gone FROM tags_of_resources WHERE id = NEW.id;
END;

CREATE TRIGGER request_tags_begin AFTER INSERT ON requests
BEGIN
    INSERT OR IGNORE INTO request_tags (id, team, key, value)
    SELECT id, team, key, value FROM tags_of_requests WHERE id = NEW.id;
END;

CREATE TRIGGER request_tags_follow AFTER UPDATE OF document ON requests WHEN OLD.document <> NEW.document
BEGIN
    DELETE FROM request_tags WHERE id = NEW.id;
    INSERT OR IGNORE INTO request_tags (id, team, key, value)
    SELECT id, team, key, value FROM tags_of_requests WHERE id = NEW.id;
END;
