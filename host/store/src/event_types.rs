//! What kinds of events there are, and who may hear of each. The users' table in `docs/events.md` is checked against this
//! one, and the store's tests check that it tells nothing else.

/// Whom events of a type are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressee {
    /// The team that the event's data names.
    Team,
    /// Everybody who is signed in.
    Everybody,
    /// Administrators.
    Admins,
}

/// One type of event.
#[derive(Debug, Clone, Copy)]
pub struct EventType {
    /// Its name, without [`EVENT_TYPE_PREFIX`](crate::EVENT_TYPE_PREFIX).
    pub name: &'static str,
    /// Whom it is for.
    pub to: Addressee,
    /// What has happened.
    pub meaning: &'static str,
}

const fn to_team(name: &'static str, meaning: &'static str) -> EventType {
    EventType { name, to: Addressee::Team, meaning }
}

const fn to_everybody(name: &'static str, meaning: &'static str) -> EventType {
    EventType { name, to: Addressee::Everybody, meaning }
}

const fn to_admins(name: &'static str, meaning: &'static str) -> EventType {
    EventType { name, to: Addressee::Admins, meaning }
}

/// Every type that the store tells by itself, but for those that only a test delivery has.
pub const EVENT_TYPES: &[EventType] = &[
    to_team("request.denied", "A request was decided, and the answer is no"),
    to_team("request.pending-approval", "A request waits for people"),
    to_team("request.approved", "Somebody approved a request; it may need more people"),
    to_team("request.redecided", "What would be done is not what was approved; the decision was made anew"),
    to_team("request.queued", "A request may go ahead, and waits for a worker"),
    to_team("request.running", "The work on a request has begun"),
    to_team("request.succeeded", "A request is done"),
    to_team("request.failed", "The work on a request failed; `text` says why"),
    to_team("request.rejected", "Somebody rejected a request; `text` is what they said"),
    to_team("request.cancelled", "Its requester took a request back"),
    to_team("request.expired", "Nobody approved a request in time"),
    to_team("job.progress", "A step of the work is done; `note` says what is happening"),
    to_team("job.cancel-requested", "Somebody takes back work that has begun; it is undone at its next step"),
    to_team("job.cancelled", "Work was taken back, and what was done of it is undone"),
    to_team("job.dead", "Work could be neither finished nor undone; `error` says why"),
    to_team("job.retried", "Dead work is tried again"),
    to_team("resource.creating", "A resource is being made, or waits to be"),
    to_team("resource.ready", "A resource is there and can be used"),
    to_team("resource.updating", "A resource is being changed"),
    to_team("resource.deleting", "A resource is being removed"),
    to_team("resource.deleted", "A resource is gone"),
    to_team("resource.failed", "A resource could not be made, and nothing of it is left"),
    to_team("resource.health", "What the provider sees of a resource is another state of health than before"),
    to_team("team.changed", "A team was added, or what is known of it was changed"),
    to_team("webhook.created", "A webhook was made"),
    to_team("webhook.changed", "The address or the filter of a webhook was changed"),
    to_team("webhook.rotated", "A webhook got a new secret"),
    to_team("webhook.enabled", "A webhook that was disabled is told of events again"),
    to_team("webhook.disabled", "A webhook is told of nothing more; `reason` says why"),
    to_team("webhook.deleted", "A webhook was removed"),
    to_team("service-token.created", "Somebody made a token for a service of the team"),
    to_team("service-token.revoked", "A service's token was revoked"),
    to_everybody("environment.changed", "An environment was added, or what is known of it was changed"),
    to_everybody("namespace.created", "A team claimed a namespace for its plugins"),
    to_everybody("namespace.changed", "Whether a namespace's packages must be signed was changed"),
    to_everybody("namespace.transferred", "A namespace went from one team to another"),
    to_everybody("namespace.key-added", "A namespace trusts one more key"),
    to_everybody("namespace.key-revoked", "A namespace trusts a key no more"),
    to_everybody("plugin.publish", "A version of a plugin was published"),
    to_everybody("plugin.sign", "Somebody more vouches for a version"),
    to_everybody("plugin.yank", "A version is found by no range any more"),
    to_everybody("plugin.unyank", "A version that was yanked is found again"),
    to_everybody("plugin.deprecate", "A version or a plugin should not be used any more; `message` says why"),
    to_everybody("plugin.undeprecate", "What was said of a version or a plugin holds no more"),
    to_everybody("plugin.take-over", "A host took over versions that a registry's directory of its own had"),
    to_admins("binding.created", "A plugin was bound"),
    to_admins("binding.changed", "A binding was changed"),
    to_admins("binding.removed", "A binding was removed"),
    to_admins("access-policy.changed", "An access policy was added or changed"),
    to_admins("access-policy.removed", "An access policy was removed"),
    to_admins("schedule.run-requested", "Somebody has something run now that is done by the clock"),
    to_admins(
        "sealing-key.replaced",
        "Secrets are sealed under a new key from now on; `before` is the one it replaces",
    ),
    to_admins("sealing-key.resealed", "What was sealed under an earlier key was sealed under the current one"),
    to_admins("sealing-key.retired", "Nothing is sealed under a key any more; it can be taken away"),
];

impl EventType {
    /// The type of a name that has the prefix, if it is one of those that are known.
    #[must_use]
    pub fn of(event_type: &str) -> Option<&'static Self> {
        let name = event_type.strip_prefix(crate::EVENT_TYPE_PREFIX)?;
        EVENT_TYPES.iter().find(|known| known.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_table_has_every_type_and_no_other() {
        let documented = include_str!("../../../docs/events.md");
        let rows: Vec<&str> = documented.lines().filter(|line| line.starts_with("| `macadam.")).collect();
        let expected = EVENT_TYPES.iter().map(|EventType { name, to, meaning }| {
            let who = match to {
                Addressee::Team => "the team",
                Addressee::Everybody => "everybody",
                Addressee::Admins => "administrators",
            };
            format!("| `macadam.{name}` | {who} | {meaning} |")
        });
        assert_eq!(rows, expected.collect::<Vec<_>>(), "the table in docs/events.md is EVENT_TYPES, row by row");
    }
}
