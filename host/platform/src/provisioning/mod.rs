//! Provisioning: from a person's wish to a resource, and back.
//!
//! ```text
//! ask ─▶ validate ─▶ estimate, policies, plan ─▶ decide ─┬─▶ preview: shown, nothing written
//!                                                        └─▶ submit: one transaction
//!        denied (recorded) ◀──┬──▶ pending ──approve──▶ queued ─▶ run: step by step ─▶ ready | failed, undone
//!                             └──────────────allowed────────────▶
//! ```
//!
//! [`Platform::preview`](crate::Platform::preview) and [`Platform::submit`](crate::Platform::submit) go the same way up
//! to the transaction, so what was shown is what is done.

mod ask;
mod ask_provider;
pub(crate) mod decide;
mod errors;
mod expire;
mod failure;
mod jobs;
mod preview;
mod questions;
mod read;
mod review;
mod run;
mod step;
mod submit;
pub(crate) mod validate;

pub use ask::{Ask, CreateResource, DeleteResource, UpdateResource};
pub use decide::{Cost, Decided, Explained};
pub use errors::ProvisionError;
pub use expire::SYSTEM;
pub use preview::Preview;
pub use read::{Credentials, Listed, ResourceView};
pub use run::Workers;
pub use submit::Taken;
