//! Events: what the store has told, for whoever may hear it.
//!
//! ```text
//! a commit ─▶ outbox ─▶ the feed: one reader in a process ─▶ followers, each from its own place
//!                 └──────────────── pages, and what a follower has to catch up with ──▶
//! ```
//!
//! A follower starts from the outbox and goes over to the feed where it meets it; when it falls behind the feed, it goes
//! back to the outbox. Either way it sees each event that it may see, once and in order, and nothing is kept for it in
//! memory but the feed's last events.

mod cloud_event;
mod feed;
mod follow;
mod read;

pub use cloud_event::CloudEvent;
pub use feed::{EventSettings, Feed};
pub use follow::Follower;
pub use read::{EventFilter, EventPage, EventsError};
