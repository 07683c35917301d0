//! Webhooks: events told by a call, in order, at least once, signed.
//!
//! ```text
//! outbox ─▶ a webhook's cursor ─▶ claimed by one worker, of whichever host ─▶ signed, sent ─▶ 2xx: the cursor moves on
//!                                                                                └─▶ else: later, or never again
//! ```
//!
//! What is sent is the event as CloudEvents JSON, signed as Standard Webhooks says. A receiver that does not answer with
//! 2xx within ten seconds is tried again, later each time, and nothing else is sent to it meanwhile, so that it sees
//! events in their order; one that keeps failing for days is disabled. Whom a webhook may reach is [`addresses`]' to say.

mod address;
pub mod addresses;
mod deliver;
mod destination;
mod manage;
mod send;
mod trace;
mod view;

pub use deliver::Deliverers;
pub use manage::ManageError;
pub use send::{Courier, CourierError, WebhookSettings};
pub use view::{ChangeWebhook, CreateWebhook, WebhookView, WithSecret};
