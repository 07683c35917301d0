//! The outbox: events that leave only if what they tell of was committed, because both are one transaction.
//!
//! A row holds what a CloudEvent 1.0 needs (its `id` is the sequence number as text, unique for this source). Numbers
//! become visible in their order and without holes, so a reader needs nothing but the last number it has seen. Events are
//! kept for a time and then [pruned](Outbox::prune_events), whoever has read them; a reader that is further behind than
//! that can see that it is.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::names::TeamId;
use serde_json::Value;
use tokio::sync::watch;

use crate::{Addressee, EventType, StoreError};

/// What every event's type starts with.
pub const EVENT_TYPE_PREFIX: &str = "macadam.";

/// Something to be told.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// What happened, such as `macadam.request.queued`.
    pub event_type: String,
    /// To what, such as `requests/…`.
    pub subject: String,
    /// What of it; never a secret.
    pub data: Value,
}

/// Who may hear of an event.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// Whoever may see what belongs to a team.
    Team(TeamId),
    /// Everybody who is signed in.
    Everybody,
    /// Administrators.
    Admins,
}

impl Audience {
    /// Whom an event is for: whom its type is for, and for a type that is not known the team that its data names. An
    /// event that should name a team and does not is for administrators, since nobody else can be shown to be right.
    #[must_use]
    pub fn of(event: &NewEvent) -> Self {
        match EventType::of(&event.event_type).map(|known| known.to) {
            Some(Addressee::Everybody) => Self::Everybody,
            Some(Addressee::Admins) => Self::Admins,
            Some(Addressee::Team) | None => {
                let named = ["/team", "/team/name"].iter().find_map(|at| event.data.pointer(at)?.as_str());
                named.and_then(|name| name.parse().ok()).map_or(Self::Admins, Self::Team)
            }
        }
    }

    pub(crate) fn columns(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Team(team) => ("team", Some(team.as_str())),
            Self::Everybody => ("everybody", None),
            Self::Admins => ("admins", None),
        }
    }

    pub(crate) fn from_columns(word: &str, team: Option<TeamId>) -> Result<Self, StoreError> {
        match (word, team) {
            ("team", Some(team)) => Ok(Self::Team(team)),
            ("everybody", None) => Ok(Self::Everybody),
            ("admins", None) => Ok(Self::Admins),
            (word, _) => Err(StoreError::corrupt("audience", format_args!("{word:?} is none, or has no team"))),
        }
    }
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct OutboxEvent {
    /// Its place in the order of commits; a client that saw it asks for what follows.
    pub seq: u64,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// To what.
    pub subject: String,
    /// When.
    pub time: Timestamp,
    /// What of it.
    pub data: Value,
    /// Who may hear of it.
    pub audience: Audience,
}

/// Which events there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRange {
    /// The first that is kept; what was before is pruned. One more than `latest` when none is kept.
    pub oldest: u64,
    /// The last that was told; 0 before the first.
    pub latest: u64,
}

impl EventRange {
    /// Whether everything after a place is still kept.
    #[must_use]
    pub fn reaches(&self, after: u64) -> bool {
        self.oldest <= after.saturating_add(1)
    }
}

/// The outbox.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Adds an event that belongs to no use case of the store; those add their own.
    async fn append_event(&self, event: &NewEvent, now: Timestamp) -> Result<u64, StoreError>;

    /// Events after a place, in order.
    async fn events_since(&self, seq: u64, limit: u32) -> Result<Vec<OutboxEvent>, StoreError>;

    /// Which events there are.
    async fn event_range(&self) -> Result<EventRange, StoreError>;

    /// Removes the events before the first that is not older than a moment, and says how many. A row in the middle stays
    /// even if its host's clock was behind, so that what is kept has no holes.
    async fn prune_events(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// Changes whenever this process may have committed events. Others on the same database are not seen.
    fn told(&self) -> watch::Receiver<()>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn audience(name: &str, data: Value) -> Audience {
        Audience::of(&NewEvent { event_type: format!("macadam.{name}"), subject: "x".into(), data })
    }

    #[test]
    fn an_event_is_for_whom_its_type_says_and_else_for_as_few_as_possible() {
        let shop = Audience::Team("shop".parse().unwrap());
        assert_eq!(audience("request.queued", json!({"team": "shop"})), shop);
        assert_eq!(audience("team.changed", json!({"team": {"name": "shop"}})), shop);
        assert_eq!(audience("namespace.created", json!({"team": "shop"})), Audience::Everybody);
        assert_eq!(audience("binding.changed", json!({"team": "shop"})), Audience::Admins);
        assert_eq!(
            audience("something.new", json!({"team": "shop"})),
            shop,
            "a type that is not listed names its team"
        );
        for nobody in [json!({}), json!({"team": 1}), json!({"team": "Not A Name"}), json!(null)] {
            assert_eq!(audience("something.new", nobody.clone()), Audience::Admins, "{nobody}");
        }
    }

    #[test]
    fn a_reader_is_too_far_behind_when_the_event_after_its_place_is_gone() {
        let range = EventRange { oldest: 11, latest: 20 };
        assert!(range.reaches(10) && range.reaches(20) && !range.reaches(9));
        let none_kept = EventRange { oldest: 21, latest: 20 };
        assert!(none_kept.reaches(20) && !none_kept.reaches(19));
    }
}
