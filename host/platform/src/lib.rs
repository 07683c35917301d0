//! The use cases: what happens when somebody asks for something. Each folder reads top-down as the story of one request.
//!
//! | module | the story |
//! |---|---|
//! | [`provisioning`] | a resource is asked for, decided, approved, made, changed, removed |
//! | [`scaffolding`] | a project is generated from a golden path, decided, and handed out |
//! | [`decisions`] | what plugins were asked and said, and what another version would have said |
//! | [`plugins`] | which plugin versions are active, what for, and with which settings |
//! | [`blobs`] | what is large is kept by digest, and goes when nothing names it |
//! | [`vault`] | secrets are sealed before anything else sees them |
//! | [`schema`] | documents are checked against what plugins say they take |
//!
//! The platform knows no HTTP and no database: what varies below is a trait of `macadam-store`, what a plugin does is
//! behind the clients of `macadam-runtime`, and [`Platform`] joins them.

pub mod blobs;
pub mod decisions;
pub mod plugins;
pub mod provisioning;
pub mod scaffolding;
pub mod schema;
pub mod vault;

mod caller;
mod platform;

pub use caller::{Caller, Role};
pub use platform::{Platform, PlatformParts, PlatformSettings};
