What databases of earlier versions hold, as those versions wrote it: rows for every version from one on, or up to another one.
What the databases write differently is between angle brackets. Rows here stay as they are; a migration that changes a table
ends the part with the former columns and begins one with the new ones.

-- since 1
INSERT INTO teams (name, document) VALUES ('shop',
    '{"name":"shop","members":["ana"],"contacts":[],"currency":"USD","limits":{"max-resources":5,"max-per-type":{},"monthly-budget":"100"}}');
INSERT INTO environments (name, document) VALUES ('dev', '{"name":"dev","class":"development"}');

-- since 2
INSERT INTO resources (id, namespace, environment, type, name, team, state, desired, monthly, outputs, revision, created_at,
                       updated_at, ready_at<provider>)
VALUES ('018bcfe5-6800-7000-8000-000000000001', 'shop', 'dev', 'postgres-database', 'orders', 'shop', 'ready',
        '{"spec":{"size":7},"tags":{"owner":"ana"},"ttl_seconds":null,"estimate":null,"provider":<pin>}',
        '{"currency":"USD","amount":"7"}', '[{"name":"host","text":"db.example"}]', 1, <at>, <at>, <at><its-pin>);
INSERT INTO requests (id, action, state, team, person, actor, resource_id, resource_key, document, desired, decision, digest,
                      needs, reservation, created_at, updated_at<provider>)
VALUES ('018bcfe5-6800-7000-8000-000000000002', 'create', 'succeeded', 'shop', 'ana',
        '{"person":"ana","team":"shop","roles":["developer"]}', '018bcfe5-6800-7000-8000-000000000001',
        'shop/dev/postgres-database/orders', '{"spec":{"size":7}}',
        '{"spec":{"size":7},"tags":{"owner":"ana"},"ttl_seconds":null,"estimate":null,"provider":<pin>}',
        '{"outcome":"needs-approval"}', 'sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b',
        '[{"reason":"production","groups":[],"count":1}]',
        '{"resource_type":"postgres-database","monthly":{"currency":"USD","amount":"7"}}', <at>, <at><its-pin>);
INSERT INTO approvals (request_id, person, groups, comment, at)
VALUES ('018bcfe5-6800-7000-8000-000000000002', 'bo', '["finance"]', 'fine', <at>);
INSERT INTO resource_transitions (resource_id, at, from_state, to_state, request_id)
VALUES ('018bcfe5-6800-7000-8000-000000000001', <at>, NULL, 'creating', '018bcfe5-6800-7000-8000-000000000002');
INSERT INTO resource_transitions (resource_id, at, from_state, to_state, request_id)
VALUES ('018bcfe5-6800-7000-8000-000000000001', <at>, 'creating', 'ready', '018bcfe5-6800-7000-8000-000000000002');

INSERT INTO requests (id, action, state, team, person, actor, resource_key, document, decision, digest, needs, created_at,
                      updated_at)
VALUES ('018bcfe5-6800-7000-8000-00000000000b', 'create', 'denied', 'shop', 'ana',
        '{"person":"ana","team":"shop","roles":["developer"]}', 'shop/dev/postgres-database/stock',
        '{"spec":{"size":7},"tags":{"owner":"ana"}}', '{"outcome":"denied"}',
        'sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b', '[]', <at>, <at>);

-- since 2 until 15
INSERT INTO idempotency_keys (person, key, digest, request_id, answer, at)
VALUES ('ana', 'once', 'sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b',
        '018bcfe5-6800-7000-8000-000000000002', '{}', <at>);

-- since 3
INSERT INTO requests (id, action, state, team, person, actor, resource_id, resource_key, document, desired, decision, digest,
                      needs, job_id, created_at, updated_at<provider>)
VALUES ('018bcfe5-6800-7000-8000-000000000003', 'update', 'running', 'shop', 'ana',
        '{"person":"ana","team":"shop","roles":["developer"]}', '018bcfe5-6800-7000-8000-000000000001',
        'shop/dev/postgres-database/orders', '{"spec":{"size":9}}',
        '{"spec":{"size":9},"tags":{"owner":"ana"},"ttl_seconds":null,"estimate":null,"provider":<pin>}',
        '{"outcome":"allowed"}', 'sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b', '[]',
        '018bcfe5-6800-7000-8000-000000000005', <at>, <at><its-pin>);
UPDATE requests SET job_id = '018bcfe5-6800-7000-8000-000000000004' WHERE id = '018bcfe5-6800-7000-8000-000000000002';
UPDATE resources SET state = 'updating', open_request = '018bcfe5-6800-7000-8000-000000000003',
                     pending_monthly = '{"currency":"USD","amount":"9"}'
WHERE id = '018bcfe5-6800-7000-8000-000000000001';
INSERT INTO resource_transitions (resource_id, at, from_state, to_state, request_id)
VALUES ('018bcfe5-6800-7000-8000-000000000001', <at>, 'ready', 'updating', '018bcfe5-6800-7000-8000-000000000003');

-- since 3 until 12
INSERT INTO jobs (id, request_id, team, phase, state, attempt, failures, fence, run_after, created_at, updated_at)
VALUES ('018bcfe5-6800-7000-8000-000000000004', '018bcfe5-6800-7000-8000-000000000002', 'shop', 'provision', 'succeeded', 1, 0,
        1, <at>, <at>, <at>);
INSERT INTO jobs (id, request_id, team, phase, state, attempt, failures, fence, run_after, sealed_state, note, created_at,
                  updated_at)
VALUES ('018bcfe5-6800-7000-8000-000000000005', '018bcfe5-6800-7000-8000-000000000003', 'shop', 'provision', 'queued', 1, 0, 1,
        <at>, <half>, 'half done', <at>, <at>);

-- since 13
INSERT INTO jobs (id, request_id, team, provider, phase, state, attempt, failures, fence, run_after, created_at, updated_at)
VALUES ('018bcfe5-6800-7000-8000-000000000004', '018bcfe5-6800-7000-8000-000000000002', 'shop', 'macadam/postgres',
        'provision', 'succeeded', 1, 0, 1, <at>, <at>, <at>);
INSERT INTO jobs (id, request_id, team, provider, phase, state, attempt, failures, fence, run_after, sealed_state, note,
                  created_at, updated_at)
VALUES ('018bcfe5-6800-7000-8000-000000000005', '018bcfe5-6800-7000-8000-000000000003', 'shop', 'macadam/postgres',
        'provision', 'queued', 1, 0, 1, <at>, <half>, 'half done', <at>, <at>);

-- since 4
INSERT INTO secrets (handle, scope, name, sealed, at) VALUES ('secret:1', 'resource', 'password', <half>, <at>);

-- since 5 until 13
INSERT INTO outbox (seq, type, subject, at, data)
VALUES (1, 'macadam.request.queued', 'requests/018bcfe5-6800-7000-8000-000000000003', <at>, '{"team":"shop"}');
<told>

-- since 14
INSERT INTO outbox (seq, type, subject, at, data, audience, team)
VALUES (1, 'macadam.request.queued', 'requests/018bcfe5-6800-7000-8000-000000000003', <at>, '{"team":"shop"}', 'team', 'shop');
<told>

-- since 6
INSERT INTO requests (id, action, state, team, person, actor, scaffold_id, template, document, decision, digest, needs,
                      created_at, updated_at)
VALUES ('018bcfe5-6800-7000-8000-000000000006', 'scaffold', 'succeeded', 'shop', 'ana',
        '{"person":"ana","team":"shop","roles":["developer"]}', '018bcfe5-6800-7000-8000-000000000007', 'rest-api', '{}',
        '{"outcome":"allowed"}', 'sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b', '[]', <at>, <at>);
INSERT INTO requests (id, action, state, team, person, actor, template, document, decision, digest, needs, created_at,
                      updated_at)
VALUES ('018bcfe5-6800-7000-8000-00000000000c', 'scaffold', 'denied', 'shop', 'ana',
        '{"person":"ana","team":"shop","roles":["developer"]}', 'rest-api',
        '{"action":"scaffold","wish":{"tags":{"owner":"ana"}}}', '{"outcome":"denied"}',
        'sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b', '[]', <at>, <at>);
INSERT INTO scaffolds (id, request_id, template, document, created_at)
VALUES ('018bcfe5-6800-7000-8000-000000000007', '018bcfe5-6800-7000-8000-000000000006', 'rest-api',
        '{"id":"018bcfe5-6800-7000-8000-000000000007","template":"rest-api","plugin":{"name":"macadam/rest-api","version":"2.1.0"},"plugin_digest":"sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b","answers":{},"archive":"sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b","archive_size":3,"files":[],"warnings":[]}', <at>);

-- since 7
INSERT INTO namespaces (name, team, signatures, created_at, updated_at) VALUES ('acme', 'shop', 'required', <at>, <at>);
INSERT INTO namespace_keys (namespace, id, public_key, added_at) VALUES ('acme', 'first', 'a-public-key', <at>);

-- since 8
INSERT INTO binding_revisions (name, revision, generation, spec, actor, reason, at)
VALUES ('rules', 1, 1, '{"binding":{"plugin":"acme/rule@1.0.0"}}', 'ana', 'to begin with', <at>);
INSERT INTO bindings (name, revision) VALUES ('rules', 1);
UPDATE bindings_generation SET generation = 1;

-- since 11
INSERT INTO service_tokens (id, hash, team, name, roles, scopes, created_by, created_at, expires_at)
VALUES ('018bcfe5-6800-7000-8000-000000000008',
        'sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b', 'shop', 'ci', '["developer"]',
        '["catalog.read"]', 'ana', <at>, <at>);

-- since 12
INSERT INTO package_indexes (plugin, revision, document) VALUES ('acme/rule', 3, '{"releases":[]}');
INSERT INTO package_signatures (plugin, version, envelope) VALUES ('acme/rule', '1.0.0', <half>);

-- since 14 until 19
INSERT INTO webhooks (id, team, description, url, types, state, secret, cursor, next_attempt, created_by, created_at, updated_at)
VALUES ('018bcfe5-6800-7000-8000-000000000009', 'shop', 'chat', 'https://hooks.example/secret-path', '["macadam.request."]',
        'active', <half>, 1, <at>, 'ana', <at>, <at>);

-- since 20
INSERT INTO webhooks (id, team, description, url, sealed_url, types, state, secret, cursor, next_attempt, created_by, created_at,
                      updated_at)
VALUES ('018bcfe5-6800-7000-8000-000000000009', 'shop', 'chat', '', <half>, '["macadam.request."]', 'active', <half>, 1, <at>,
        'ana', <at>, <at>);

-- since 14
INSERT INTO webhook_deliveries (id, webhook, event, type, attempt, at, took_micros, status)
VALUES ('018bcfe5-6800-7000-8000-00000000000a', '018bcfe5-6800-7000-8000-000000000009', 1, 'macadam.request.queued', 1, <at>,
        2000, 204);
