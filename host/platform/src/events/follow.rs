//! Following events: from the outbox, and from the feed where that has been reached.

use std::collections::VecDeque;
use std::sync::Arc;

use macadam_store::{OutboxEvent, StoreError};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::events::{CloudEvent, EventFilter};
use crate::{Caller, Platform};

/// How many events are read at once.
const BATCH: u32 = 200;

/// Somebody who follows events.
pub struct Follower {
    platform: Platform,
    caller: Caller,
    filter: EventFilter,
    /// The last event that was looked at.
    last: u64,
    /// What was read from the outbox and not looked at yet.
    read: VecDeque<OutboxEvent>,
    /// Whether there may be more in the outbox than the feed will tell.
    behind: bool,
    live: Receiver<Arc<OutboxEvent>>,
}

impl Follower {
    pub(super) fn new(
        platform: Platform,
        caller: Caller,
        filter: EventFilter,
        last: u64,
        live: Receiver<Arc<OutboxEvent>>,
    ) -> Self {
        Self { platform, caller, filter, last, read: VecDeque::new(), behind: true, live }
    }

    /// The last event that was looked at, shown or not: where to go on from.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.last
    }

    /// The next event that is to be shown; `None` when the feed has ended. Whoever stops waiting loses nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next(&mut self) -> Result<Option<CloudEvent>, StoreError> {
        loop {
            if let Some(event) = self.read.pop_front() {
                self.last = event.seq;
                if let Some(shown) = self.shown(&event) {
                    return Ok(Some(shown));
                }
            } else if self.behind {
                let events = self.platform.store().events_since(self.last, BATCH).await?;
                self.behind = events.len() == BATCH as usize;
                self.read.extend(events);
            } else {
                match self.live.recv().await {
                    Ok(event) if event.seq <= self.last => {}
                    Ok(event) if event.seq == self.last.saturating_add(1) => {
                        self.last = event.seq;
                        if let Some(shown) = self.shown(&event) {
                            return Ok(Some(shown));
                        }
                    }
                    // The outbox has what was missed.
                    Ok(_) | Err(RecvError::Lagged(_)) => self.behind = true,
                    Err(RecvError::Closed) => return Ok(None),
                }
            }
        }
    }

    fn shown(&self, event: &OutboxEvent) -> Option<CloudEvent> {
        self.filter
            .shows(event, &self.platform, &self.caller)
            .then(|| CloudEvent::of(event, self.platform.feed().source()))
    }
}
