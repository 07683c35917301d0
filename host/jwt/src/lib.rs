//! JWTs of identity providers: strictly read, and verified by the keys of their issuers.
//!
//! ```text
//! token ─▶ [`read`]: three parts, a header without surprises, claims without doubles ─▶ [`Unverified`]
//! key set ─▶ [`KeySet::read`] ─▶ [`KeySet::find`]: the key that the token means ─▶ [`verify`]
//! ```
//!
//! Whatever is here is read from strangers, so all of it is fuzzed. What a verified token says of somebody, which issuers
//! count, and where their keys come from is the server's.

mod jws;
mod keys;
mod strict;
mod verifier;

pub use jsonwebtoken::{Algorithm, AlgorithmFamily};
pub use jws::{Refused, Unverified, is_jwt, read};
pub use keys::{Key, KeySet, NoKey};
pub use verifier::verify;
