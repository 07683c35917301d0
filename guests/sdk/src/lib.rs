//! What the author of a Macadam plugin imports.
//!
//! A plugin is a type without values that implements [`Plugin`] and the trait of its kind, exported by one macro:
//!
//! | Kind | Trait | Macro |
//! |---|---|---|
//! | a rule on requests | [`ApprovalPolicy`] | [`export_policy!`] |
//! | prices | [`CostEstimator`] | [`export_estimator!`] |
//! | makes resources | [`Provider`] | [`export_provider!`] |
//! | generates projects | [`TemplateGenerator`] | [`export_generator!`] |
//!
//! ```
//! use macadam_sdk::{ApprovalPolicy, Context, Error, Plugin, Verdict, export_policy};
//!
//! /// What a robot asks for, a person approves.
//! struct WatchRobots;
//!
//! #[derive(serde::Deserialize)]
//! struct Settings {
//!     group: String,
//! }
//!
//! impl Plugin for WatchRobots {
//!     type Settings = Settings;
//!     const SUMMARY: &'static str = "Asks for an approval when the actor is `robot`.";
//!     const SETTINGS_SCHEMA: &'static str = r#"{
//!         "type": "object",
//!         "required": ["group"],
//!         "properties": { "group": { "type": "string", "format": "slug" } }
//!     }"#;
//! }
//!
//! impl ApprovalPolicy for WatchRobots {
//!     fn evaluate(context: &Context, settings: &Settings) -> Result<Verdict, Error> {
//!         if context.actor().person == "robot" {
//!             return Ok(Verdict::require_approval("a robot asks", [settings.group.as_str()], 1));
//!         }
//!         Ok(Verdict::Allow)
//!     }
//! }
//!
//! export_policy!(WatchRobots);
//!
//! let context = macadam_sdk::testing::context().actor("robot").build();
//! let verdict = macadam_sdk::testing::evaluate::<WatchRobots>(&context, r#"{"group": "ops"}"#);
//! assert!(matches!(verdict, Ok(Verdict::RequireApproval(_))));
//! ```
//!
//! A [`Context`] and a [`Request`] hold nothing: their methods ask the host for one piece each, so a policy that looks
//! at two tags costs two tags, whatever else the request has.
//!
//! An instance lives for one call: nothing is remembered, nothing has to be freed, and there is no clock, randomness,
//! environment, file or socket. What a provider may do goes through [`host`], each thing granted by name. On a
//! developer's own machine the traits are plain Rust, and [`testing`] stands in for the host, so `cargo test` runs a
//! plugin's tests natively.

#[cfg(target_arch = "wasm32")]
mod allocator;
#[cfg(any(target_arch = "wasm32", test))]
mod arena;
#[doc(hidden)]
pub mod bindings;
mod context;
pub mod decimal;
mod error;
mod estimator;
#[doc(hidden)]
pub mod export;
mod generator;
pub mod host;
mod plugin;
mod policy;
mod provider;
mod request;
pub mod schema;
#[cfg(feature = "template")]
pub mod template;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod words;

pub use bindings::macadam::plugin::types::{
    Action, Environment, EnvironmentClass, PluginError as Error, Request as ResourceRequest, Violation,
};
pub use context::{Actor, Context, Cost, CostLine, Team, TypeUsage};
pub use decimal::Decimal;
pub use estimator::{CostEstimate, CostEstimator, Line};
pub use generator::{Answers, Feature, File, Mode, Project, Template, TemplateGenerator};
pub use plugin::Plugin;
pub use policy::{Approval, ApprovalPolicy, Verdict};
pub use provider::{
    Change, ChangePlan, Desired, Effect, Health, ManagedResource, Output, OutputDescription, PlanStep, Progress,
    Provider, ResourceDescription, Step,
};
pub use request::Request;
