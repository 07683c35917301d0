-- What a team has, which was added up from all its live resources for each request: how many of a type have the same
-- costs. The triggers keep it with every change of a resource, whoever makes it. `pending_monthly` is '' where nothing
-- is pending, since NULL is equal to nothing and no two such groups would be one.
CREATE TABLE team_usage (
    team            TEXT NOT NULL,
    type            TEXT NOT NULL,
    monthly         TEXT NOT NULL,
    pending_monthly TEXT NOT NULL,
    alike           INTEGER NOT NULL,
    PRIMARY KEY (team, type, monthly, pending_monthly)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER usage_of_new_resource AFTER INSERT ON resources
WHEN new.state NOT IN ('deleted', 'failed')
BEGIN
    INSERT INTO team_usage (team, type, monthly, pending_monthly, alike)
    VALUES (new.team, new.type, new.monthly, coalesce(new.pending_monthly, ''), 1)
    ON CONFLICT DO UPDATE SET alike = alike + 1;
END;

CREATE TRIGGER usage_of_changed_resource AFTER UPDATE OF team, type, state, monthly, pending_monthly ON resources
WHEN (old.team, old.type, old.monthly, old.pending_monthly, old.state IN ('deleted', 'failed'))
  IS NOT (new.team, new.type, new.monthly, new.pending_monthly, new.state IN ('deleted', 'failed'))
BEGIN
    UPDATE team_usage SET alike = alike - 1
    WHERE (team, type, monthly, pending_monthly)
        = (old.team, old.type, old.monthly, coalesce(old.pending_monthly, ''))
        AND old.state NOT IN ('deleted', 'failed');
    DELETE FROM team_usage
    WHERE (team, type, monthly, pending_monthly)
        = (old.team, old.type, old.monthly, coalesce(old.pending_monthly, '')) AND alike <= 0;
    INSERT INTO team_usage (team, type, monthly, pending_monthly, alike)
    SELECT new.team, new.type, new.monthly, coalesce(new.pending_monthly, ''), 1
    WHERE new.state NOT IN ('deleted', 'failed')
    ON CONFLICT DO UPDATE SET alike = alike + 1;
END;

CREATE TRIGGER usage_of_removed_resource AFTER DELETE ON resources
WHEN old.state NOT IN ('deleted', 'failed')
BEGIN
    UPDATE team_usage SET alike = alike - 1
    WHERE (team, type, monthly, pending_monthly)
        = (old.team, old.type, old.monthly, coalesce(old.pending_monthly, ''));
    DELETE FROM team_usage
    WHERE (team, type, monthly, pending_monthly)
        = (old.team, old.type, old.monthly, coalesce(old.pending_monthly, '')) AND alike <= 0;
END;

INSERT INTO team_usage (team, type, monthly, pending_monthly, alike)
SELECT team, type, monthly, coalesce(pending_monthly, ''), count(*) FROM resources
WHERE state NOT IN ('deleted', 'failed')
GROUP BY 1, 2, 3, 4;

DROP INDEX resources_live_usage;
