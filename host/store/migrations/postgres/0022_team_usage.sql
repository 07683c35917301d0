-- At once: what begins with the trigger's lock and ends with the index's meets whoever holds the first.
LOCK TABLE resources IN ACCESS EXCLUSIVE MODE;

-- What a team has, which was added up from all its live resources for each request: how many of a type have the same
-- costs. The triggers keep it with every change of resources, whoever makes it, and with whichever search path.
-- `pending_monthly` is '' where nothing is pending, since NULL is equal to nothing and no two such groups would be one.
CREATE TABLE team_usage (
    team            text COLLATE "C" NOT NULL,
    type            text COLLATE "C" NOT NULL,
    monthly         text COLLATE "C" NOT NULL,
    pending_monthly text COLLATE "C" NOT NULL,
    alike           bigint NOT NULL,
    PRIMARY KEY (team, type, monthly, pending_monthly)
);

-- Each function works on a whole statement. If it were called for each resource, a statement on ten thousand of them
-- would change one row here ten thousand times, and look each time through all the versions that it has left. Rows are
-- locked in the order of their key.
CREATE FUNCTION usage_of_new_resources() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO team_usage AS kept (team, type, monthly, pending_monthly, alike)
    SELECT team, type, monthly, coalesce(pending_monthly, ''), count(*) FROM after_it
    WHERE state NOT IN ('deleted', 'failed')
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (team, type, monthly, pending_monthly) DO UPDATE SET alike = kept.alike + excluded.alike;
    RETURN NULL;
END
$$;

CREATE FUNCTION usage_of_changed_resources() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO team_usage AS kept (team, type, monthly, pending_monthly, alike)
    SELECT team, type, monthly, coalesce(pending_monthly, ''), sum(more)
    FROM (SELECT team, type, monthly, pending_monthly, state, 1 AS more FROM after_it
          UNION ALL
          SELECT team, type, monthly, pending_monthly, state, -1 FROM before_it) AS moved
    WHERE state NOT IN ('deleted', 'failed')
    GROUP BY 1, 2, 3, 4
    HAVING sum(more) <> 0
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (team, type, monthly, pending_monthly) DO UPDATE SET alike = kept.alike + excluded.alike;
    IF FOUND THEN
        DELETE FROM team_usage AS kept USING before_it AS was
        WHERE (kept.team, kept.type, kept.monthly, kept.pending_monthly)
            = (was.team, was.type, was.monthly, coalesce(was.pending_monthly, '')) AND kept.alike <= 0;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION usage_of_removed_resources() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO team_usage AS kept (team, type, monthly, pending_monthly, alike)
    SELECT team, type, monthly, coalesce(pending_monthly, ''), -count(*) FROM before_it
    WHERE state NOT IN ('deleted', 'failed')
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (team, type, monthly, pending_monthly) DO UPDATE SET alike = kept.alike + excluded.alike;
    DELETE FROM team_usage AS kept USING before_it AS was
    WHERE (kept.team, kept.type, kept.monthly, kept.pending_monthly)
        = (was.team, was.type, was.monthly, coalesce(was.pending_monthly, '')) AND kept.alike <= 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER usage_of_new_resources AFTER INSERT ON resources
    REFERENCING NEW TABLE AS after_it
    FOR EACH STATEMENT EXECUTE FUNCTION usage_of_new_resources();
CREATE TRIGGER usage_of_changed_resources AFTER UPDATE ON resources
    REFERENCING OLD TABLE AS before_it NEW TABLE AS after_it
    FOR EACH STATEMENT EXECUTE FUNCTION usage_of_changed_resources();
CREATE TRIGGER usage_of_removed_resources AFTER DELETE ON resources
    REFERENCING OLD TABLE AS before_it
    FOR EACH STATEMENT EXECUTE FUNCTION usage_of_removed_resources();

-- After the triggers, whose making waits for everybody who writes: from then on nothing changes without them.
INSERT INTO team_usage (team, type, monthly, pending_monthly, alike)
SELECT team, type, monthly, coalesce(pending_monthly, ''), count(*) FROM resources
WHERE state NOT IN ('deleted', 'failed')
GROUP BY 1, 2, 3, 4;

DROP INDEX resources_live_usage;
