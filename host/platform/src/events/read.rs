//! Reading events: which ones somebody may see and wants, a page at a time.

use macadam_core::names::TeamId;
use macadam_store::{Audience, EventRange, OutboxEvent, StoreError};
use serde::Serialize;

use crate::authorization::{Action, Target};
use crate::events::{CloudEvent, Follower};
use crate::{Caller, Platform};

/// How many events are looked at for one page: an answer comes soon, also when few of them are wanted.
const LOOKED_AT: usize = 5_000;

/// How many are read at once.
const BATCH: u32 = 500;

/// Which events to show. What is empty does not narrow.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Whose type starts with this.
    pub event_type: Option<String>,
    /// Whose subject starts with this.
    pub subject: Option<String>,
    /// Of one team.
    pub team: Option<TeamId>,
}

impl EventFilter {
    /// Whether an event is one of them, and the caller may see it.
    #[must_use]
    pub fn shows(&self, event: &OutboxEvent, platform: &Platform, to: &Caller) -> bool {
        self.takes(event) && platform.may_hear_of(to, event)
    }

    fn takes(&self, event: &OutboxEvent) -> bool {
        let starts = |text: &str, with: &Option<String>| with.as_ref().is_none_or(|prefix| text.starts_with(prefix));
        let of_team = |team: &TeamId| event.audience == Audience::Team(team.clone());
        starts(&event.event_type, &self.event_type)
            && starts(&event.subject, &self.subject)
            && self.team.as_ref().is_none_or(of_team)
    }
}

/// Some events, and where to go on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventPage {
    /// The events, in order. There may be none though more follow: only so many are looked at for a page.
    pub items: Vec<CloudEvent>,
    /// Ask for what is after this; `null` when nothing more is there yet.
    pub next: Option<String>,
    /// The last event that was looked at: where to ask on later when `next` is `null`.
    pub last: String,
}

/// Why events are not shown.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// What follows that place is gone.
    #[error(
        "events after {after} are not kept any more, the oldest that is there is {}; look at the state of what you \
         follow, and then go on after {}",
        range.oldest, range.oldest.saturating_sub(1)
    )]
    Gone {
        /// The place that was asked for.
        after: u64,
        /// What there is.
        range: EventRange,
    },
    /// There has never been such an event here.
    #[error(
        "no event {after} was ever told here, the latest is {}; the database is another one or an earlier state: look \
         at the state of what you follow, and then go on after {}",
        range.latest, range.latest
    )]
    Ahead {
        /// The place that was asked for.
        after: u64,
        /// What there is.
        range: EventRange,
    },
    /// The host is about to stop.
    #[error("this host is about to stop; come back in a moment")]
    Stopping,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Platform {
    /// Whether a person may hear of an event.
    fn may_hear_of(&self, caller: &Caller, event: &OutboxEvent) -> bool {
        match &event.audience {
            Audience::Team(team) => self.may(caller, Action::EventRead, &Target::Team(team.clone())),
            Audience::Everybody => true,
            Audience::Admins => self.may(caller, Action::EventReadAll, &Target::Platform),
        }
    }

    /// Events after a place, as far as the caller may see them; 0 is before everything that is kept.
    ///
    /// # Errors
    /// [`EventsError::Gone`] when what follows that place is not kept any more, [`EventsError::Ahead`].
    pub async fn events(
        &self,
        caller: &Caller,
        filter: &EventFilter,
        after: u64,
        limit: usize,
    ) -> Result<EventPage, EventsError> {
        let mut last = self.place(Some(after)).await?;
        let (mut items, mut looked_at) = (Vec::new(), 0);
        while looked_at < LOOKED_AT {
            let events = self.store().events_since(last, BATCH).await?;
            let full = events.len() == BATCH as usize;
            looked_at += events.len();
            for event in events {
                last = event.seq;
                if filter.shows(&event, self, caller) {
                    items.push(CloudEvent::of(&event, self.feed().source()));
                }
                if items.len() == limit {
                    return Ok(EventPage { items, next: Some(last.to_string()), last: last.to_string() });
                }
            }
            if !full {
                return Ok(EventPage { items, next: None, last: last.to_string() });
            }
        }
        Ok(EventPage { items, next: Some(last.to_string()), last: last.to_string() })
    }

    /// Follows events from a place on, or from now on.
    ///
    /// # Errors
    /// As [`events`](Self::events) has, and [`EventsError::Stopping`].
    pub async fn follow(
        &self,
        caller: &Caller,
        filter: EventFilter,
        after: Option<u64>,
    ) -> Result<Follower, EventsError> {
        // Listening comes first: what is told while the place is looked up is then heard.
        let live = self.feed().listen().ok_or(EventsError::Stopping)?;
        let last = self.place(after).await?;
        Ok(Follower::new(self.clone(), caller.clone(), filter, last, live))
    }

    /// Where to begin.
    async fn place(&self, after: Option<u64>) -> Result<u64, EventsError> {
        let range = self.store().event_range().await?;
        match after {
            None => Ok(range.latest),
            Some(0) => Ok(range.oldest.saturating_sub(1)),
            Some(after) if !range.reaches(after) => Err(EventsError::Gone { after, range }),
            Some(after) if after > range.latest => Err(EventsError::Ahead { after, range }),
            Some(after) => Ok(after),
        }
    }
}
