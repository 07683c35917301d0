-- Lists of jobs and of a stream of the audit log, in the order in which they are shown: each was looked for among all of them.
CREATE INDEX jobs_state ON jobs (state, id);
CREATE INDEX jobs_team_state ON jobs (team, state, id);
CREATE INDEX jobs_provider ON jobs (provider, id);
CREATE INDEX audit_stream ON audit (stream, seq);
