//! What a plugin may do outside of itself, each thing granted by name. Policies, estimators and generators have only
//! [`log`]; the rest is for providers. Natively these go to the stand-in of [`testing`](crate::testing).

pub mod files;
pub mod log;
pub mod secrets;
pub mod sql;

/// The functions behind this module, [`Context`](crate::Context) and [`Request`](crate::Request): the host's in a
/// component, the stand-in's elsewhere.
pub(crate) mod imports {
    #[cfg(target_arch = "wasm32")]
    pub(crate) use crate::bindings::macadam::plugin::{context, files, log, request, secrets, sql};
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) use crate::testing::imports::{context, files, log, request, secrets, sql};
}
