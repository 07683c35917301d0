-- Both at once and in the order in which hosts take them: one that was not ended would else be in the way halfway.
LOCK TABLE requests, resources IN ACCESS EXCLUSIVE MODE;

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
-- no change can forget to. Resources and requests are never removed, and so their tags are not either. Whoever changes rows
-- here holds the resource's or the request's own, so these need no place in the order of locks.
CREATE TABLE resource_tags (
    id    text COLLATE "C" NOT NULL,
    team  text COLLATE "C" NOT NULL,
    key   text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    gone  integer NOT NULL,
    PRIMARY KEY (id, key)
);

CREATE INDEX resource_tags_value ON resource_tags (key, value, gone, id);
CREATE INDEX resource_tags_key ON resource_tags (key, gone, id);
CREATE INDEX resource_tags_team ON resource_tags (team, key, value, gone, id);

CREATE TABLE request_tags (
    id    text COLLATE "C" NOT NULL,
    team  text COLLATE "C" NOT NULL,
    key   text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    PRIMARY KEY (id, key)
);

CREATE INDEX request_tags_value ON request_tags (key, value, id);
CREATE INDEX request_tags_key ON request_tags (key, id);
CREATE INDEX request_tags_team ON request_tags (team, key, value, id);

-- The tags that a document has in a place. PostgreSQL refuses to look into JSON that has a NUL anywhere, which no tag has. A
-- change must not fail because of a document that says nothing sensible: it has no tags.
CREATE FUNCTION tags_in(document text, place text[]) RETURNS json LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    tags json;
BEGIN
    tags := replace(document, '\u0000', '\ufffd')::json #> place;
    RETURN CASE WHEN json_typeof(tags) = 'object' THEN tags END;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;

-- What the documents say.
CREATE VIEW tags_of_resources (id, team, key, value, gone) AS
SELECT resources.id, resources.team, tag.key, tag.value #>> '{}', (resources.state IN ('deleted', 'failed'))::integer
FROM resources CROSS JOIN LATERAL json_each(tags_in(resources.desired, '{tags}')) AS tag
WHERE json_typeof(tag.value) = 'string';

-- A request for a project has them in what was wished.
CREATE VIEW tags_of_requests (id, team, key, value) AS
SELECT requests.id, requests.team, tag.key, tag.value #>> '{}'
FROM requests CROSS JOIN LATERAL json_each(
    COALESCE(tags_in(requests.document, '{tags}'), tags_in(requests.document, '{wish,tags}'))) AS tag
WHERE json_typeof(tag.value) = 'string';

INSERT INTO resource_tags (id, team, key, value, gone) SELECT id, team, key, value, gone FROM tags_of_resources
ON CONFLICT DO NOTHING;
INSERT INTO request_tags (id, team, key, value) SELECT id, team, key, value FROM tags_of_requests
ON CONFLICT DO NOTHING;

CREATE FUNCTION resource_tags_follow() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM resource_tags WHERE id = NEW.id;
    END IF;
    INSERT INTO resource_tags (id, team, key, value, gone)
    SELECT id, team, key, value, gone FROM tags_of_resources WHERE id = NEW.id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE FUNCTION request_tags_follow() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM request_tags WHERE id = NEW.id;
    END IF;
    INSERT INTO request_tags (id, team, key, value)
    SELECT id, team, key, value FROM tags_of_requests WHERE id = NEW.id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER resource_tags_begin AFTER INSERT ON resources
    FOR EACH ROW EXECUTE FUNCTION resource_tags_follow();
CREATE TRIGGER resource_tags_follow AFTER UPDATE OF desired, state ON resources
    FOR EACH ROW
    WHEN (OLD.desired <> NEW.desired OR (OLD.state IN ('deleted', 'failed')) <> (NEW.state IN ('deleted', 'failed')))
    EXECUTE FUNCTION resource_tags_follow();
CREATE TRIGGER request_tags_begin AFTER INSERT ON requests
    FOR EACH ROW EXECUTE FUNCTION request_tags_follow();
CREATE TRIGGER request_tags_follow AFTER UPDATE OF document ON requests
    FOR EACH ROW WHEN (OLD.document <> NEW.document) EXECUTE FUNCTION request_tags_follow();
