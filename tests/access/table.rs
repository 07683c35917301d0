//! Who may do what: for each operation the roles that may do it in the team that its thing belongs to, and those of another
//! team. `*` is everybody who is signed in, `nobody` among them. What somebody makes belongs to their own team, and lists show
//! what is theirs, so both columns are alike there.

/// Operations without an action: for everybody who reaches the server.
pub(crate) const OPEN: [&str; 6] =
    ["document.get", "health.get", "metrics.get", "problems.get", "readiness.get", "sign-in.ways"];

const BUILDERS: &str = "developer team-lead platform-admin";
const PUBLISHERS: &str = "publisher platform-admin";
const REVIEWERS: &str = "approver platform-admin";
const SEERS: &str = "approver auditor platform-admin";
const ADMINS: &str = "platform-admin";
const AUDITORS: &str = "auditor platform-admin";

/// Operation, own team, other team.
pub(crate) const CELLS: &[(&str, &str, &str)] = &[
    ("access.actions", "*", "*"),
    ("access.explain", "*", "*"),
    ("access.matrix", AUDITORS, AUDITORS),
    ("access.policies.check", AUDITORS, AUDITORS),
    ("access.policies.delete", ADMINS, ADMINS),
    ("access.policies.get", AUDITORS, AUDITORS),
    ("access.policies.list", AUDITORS, AUDITORS),
    ("access.policies.put", ADMINS, ADMINS),
    ("audit.heads", "*", "*"),
    ("audit.key", "*", "*"),
    ("audit.list", "*", "*"),
    ("bindings.apply", ADMINS, ADMINS),
    ("bindings.delete", ADMINS, ADMINS),
    ("bindings.diff", ADMINS, ADMINS),
    ("bindings.differences", AUDITORS, AUDITORS),
    ("bindings.get", ADMINS, ADMINS),
    ("bindings.history", ADMINS, ADMINS),
    ("bindings.list", ADMINS, ADMINS),
    ("bindings.put", ADMINS, ADMINS),
    ("bindings.rollback", ADMINS, ADMINS),
    ("decisions.get", "*", "auditor"),
    ("decisions.list", "*", "*"),
    ("environments.list", "*", "*"),
    ("events.list", "*", "*"),
    ("jobs.cancel", BUILDERS, ADMINS),
    ("jobs.get", "*", SEERS),
    ("jobs.list", "*", "*"),
    ("jobs.retry", ADMINS, ADMINS),
    ("namespaces.keys.revoke", ADMINS, ADMINS),
    ("namespaces.keys.trust", ADMINS, ADMINS),
    ("namespaces.list", "*", "*"),
    ("namespaces.put", ADMINS, ADMINS),
    ("plugins.deprecate", PUBLISHERS, ADMINS),
    ("plugins.list", "*", "*"),
    ("plugins.publish", PUBLISHERS, ADMINS),
    ("plugins.undeprecate", PUBLISHERS, ADMINS),
    ("plugins.unyank", PUBLISHERS, ADMINS),
    ("plugins.versions", "*", "*"),
    ("plugins.versions.deprecate", PUBLISHERS, ADMINS),
    ("plugins.versions.undeprecate", PUBLISHERS, ADMINS),
    ("plugins.yank", PUBLISHERS, ADMINS),
    ("preview.create", BUILDERS, BUILDERS),
    ("replays.create", AUDITORS, AUDITORS),
    ("requests.approve", REVIEWERS, REVIEWERS),
    ("requests.cancel", BUILDERS, ADMINS),
    ("requests.get", "*", SEERS),
    ("requests.list", "*", "*"),
    ("requests.reject", REVIEWERS, REVIEWERS),
    ("resource-types.list", "*", "*"),
    ("resources.create", BUILDERS, BUILDERS),
    ("resources.credentials", "*", ""),
    ("resources.delete", BUILDERS, ADMINS),
    ("resources.get", "*", SEERS),
    ("resources.health", "*", SEERS),
    ("resources.list", "*", "*"),
    ("resources.transitions", "*", SEERS),
    ("resources.update", BUILDERS, ADMINS),
    ("scaffolds.archive", "*", SEERS),
    ("scaffolds.create", BUILDERS, BUILDERS),
    ("scaffolds.get", "*", SEERS),
    ("schedules.list", ADMINS, ADMINS),
    ("schedules.run", ADMINS, ADMINS),
    ("service-tokens.create", BUILDERS, ADMINS),
    ("service-tokens.list", BUILDERS, BUILDERS),
    ("service-tokens.revoke", BUILDERS, ADMINS),
    ("teams.list", "*", "*"),
    ("templates.list", "*", "*"),
    ("tools.download-cli", "*", "*"),
    ("tools.generate-config", "*", "*"),
    ("tools.validate-manifest", "*", "*"),
    ("webhooks.change", BUILDERS, ADMINS),
    ("webhooks.create", BUILDERS, ADMINS),
    ("webhooks.delete", BUILDERS, ADMINS),
    ("webhooks.deliveries", BUILDERS, ADMINS),
    ("webhooks.enable", BUILDERS, ADMINS),
    ("webhooks.get", BUILDERS, ADMINS),
    ("webhooks.list", BUILDERS, BUILDERS),
    ("webhooks.rotate", BUILDERS, ADMINS),
    ("webhooks.test", BUILDERS, ADMINS),
    ("whoami.get", "*", "*"),
];

/// Where those who may are still not served, since nothing in this world fits what they ask for: the operation, the roles, the
/// status that they get instead, and why a request that succeeds cannot be made here. Whatever else is allowed must be done.
pub(crate) const UNFIT: &[(&str, &str, u16, &str)] = &[
    (
        "bindings.apply",
        "*",
        422,
        "what is applied replaces every binding, and the rest of the table needs those there are",
    ),
    ("jobs.cancel", "*", 409, "a job here is done before anybody can take it back"),
    ("jobs.retry", "*", 409, "only a dead job is tried again, and these providers leave none"),
    ("requests.cancel", "*", 409, "one that waits is taken back by its requester alone, so this is one that is done"),
];
