//! The use cases: what happens when somebody asks for something. Each folder reads top-down as the story of one request.
//!
//! | module | the story |
//! |---|---|
//! | [`provisioning`] | a resource is asked for, decided, approved, made, changed, removed |
//! | [`scaffolding`] | a project is generated from a golden path, decided, and handed out |
//! | [`decisions`] | what plugins were asked and said, and what another version would have said |
//! | [`schedule`] | what is done by the clock, once whichever hosts there are |
//! | [`audit`] | who did what: read, signed, exported |
//! | [`plugins`] | which plugin versions are active, what for, and with which settings |
//! | [`authorization`] | who may do what, and why not |
//! | [`events`] | what was told, for whoever may hear it, from any place on |
//! | [`idempotency`] | a request that comes again is answered as the first time |
//! | [`webhooks`] | events told by a call, in order, signed, until they arrive |
//! | [`service_tokens`] | who may call without being a person, and for what |
//! | [`tools`] | what helps people who write plugins, and changes nothing |
//! | [`blobs`] | what is large is kept by digest, and goes when nothing names it |
//! | [`vault`] | secrets are sealed before anything else sees them |
//! | [`trace`] | which trace something is done for, also later |
//! | [`schema`] | documents are checked against what plugins say they take |
//!
//! The platform knows no HTTP and no database: what varies below is a trait of `macadam-store`, what a plugin does is
//! behind the clients of `macadam-runtime`, and [`Platform`] joins them.

pub mod audit;
pub mod authorization;
pub mod blobs;
pub mod decisions;
pub mod events;
pub mod idempotency;
pub mod plugins;
pub mod provisioning;
pub mod scaffolding;
pub mod schedule;
pub mod schema;
pub mod secret_token;
pub mod service_tokens;
pub mod tools;
pub mod trace;
pub mod vault;
pub mod webhooks;

mod caller;
mod counted;
mod leased;
mod platform;

pub use caller::{Caller, Credential, Role};
pub use counted::{Counted, Tally};
pub use platform::{Platform, PlatformParts, PlatformSettings};
