-- Lists of a team or a namespace, and of the few that are being made, changed or removed, begin where their page begins,
-- however much there is: with the former index everything that a team has was read and sorted for each page.
DROP INDEX resources_live_team;
CREATE INDEX resources_live_team ON resources (team, id) WHERE state NOT IN ('deleted', 'failed');
CREATE INDEX resources_namespace ON resources (namespace, id);
CREATE INDEX resources_in_motion ON resources (state, id) WHERE state NOT IN ('ready', 'deleted');

-- The requests for one resource, of which only the open one could be found.
CREATE INDEX requests_resource ON requests (resource_id, id);

-- What a team has is added up for each request, from this index alone.
CREATE INDEX resources_live_usage ON resources (team, type, monthly, pending_monthly)
    WHERE state NOT IN ('deleted', 'failed');
