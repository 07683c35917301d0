//! The sandbox: it runs components that strangers wrote, and nothing they do hurts the host or another tenant.
//!
//! # One call
//! [`Sandbox::load`] turns a component into a [`LoadedPlugin`]; a typed client of [`clients`] calls it. Each call gets
//! an instance of its own, which dies with it: admission, a fresh store from the pool, fuel, a deadline, memory, and an
//! answer that is measured before it is copied. It ends as a value or as one typed [`CallError`], always with a report
//! of what it used.
//!
//! | module | what it holds |
//! |---|---|
//! | [`engine`] | the engines: three profiles, one shard for each worker, the ticker |
//! | [`compiled`] | compiling in a bounded child process, and the guarded cache of compiled code |
//! | [`plugin`] | a component that is ready to be called; the engines that it is mapped into |
//! | `link` | what a component gets for its imports |
//! | [`admission`] | how many calls may be inside at once |
//! | [`call`] | one call from admission to usage report; the fast and the slow lane |
//! | [`capabilities`] | what a plugin may do outside of itself, one file each |
//! | [`clients`] | one typed client per plugin kind, for every version of the contract |
//! | [`errors`] | why a component was not loaded, or a call gave no value |

pub mod admission;
pub mod call;
pub mod capabilities;
pub mod clients;
pub mod compiled;
pub mod engine;
pub mod errors;
mod link;
pub mod plugin;
mod sandbox;

pub use call::Call;
pub use errors::{CallError, CallFailure, LoadError, PluginError};
pub use plugin::{LoadedPlugin, WALL_BOUNDS};
pub use sandbox::{LoadRequest, Sandbox, SandboxConfig};
