-- When a job's phase was first taken up: a provider that says for ever that it is not done yet is not waited for for ever. Of
-- jobs that are open now the time begins with their next step.
ALTER TABLE jobs ADD COLUMN phase_since timestamptz;

-- The trace of the HTTP request that let a job go ahead, which the job's own traces name.
ALTER TABLE jobs ADD COLUMN trace text;
