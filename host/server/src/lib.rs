//! The HTTP API: the platform's use cases as routes, and nothing that decides anything.
//!
//! ```text
//! connection ─▶ request id, span, metrics, panics ─▶ route ─▶ who is it? ─▶ body read, bounded, checked ─▶ use case
//!                                                                                   └─▶ JSON, or a problem document
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`sign_in`] | whose token it is: of a service, of an identity provider, of development |
//! | [`people`] | who may sign in while one develops, by the hash of their token |
//! | [`problem`] | RFC 9457 problem documents: the one form of every error |
//! | `refusals` | what is refused about plugins, as problem documents |
//! | `api` | the routes under `/api/v1`, one file for each kind of thing |
//! | [`document`](fn@document) | the API's OpenAPI document, and its pages |
//! | `operations` | `/healthz`, `/readyz`, `/metrics` |
//! | `observe` | one span and one line for each request |
//! | `origin` | from where a request comes |
//! | `extract` | bodies, queries and headers, refused by the name of what is wrong |
//! | `fields` | an object's fields, each once, where one of them says what the others are |
//! | `objects` | structs are read from objects, and from nothing else |
//! | `wording` | what is said of input that does not fit |
//! | `bodies` | how much of all bodies may be in memory at once |
//! | `idempotency` | requests that come again under their key |
//! | `rate_limits` | how much one token, team or address may ask for |
//! | `cross_origin` | pages of which origins may call |
//! | `compress` | which answers are compressed |
//! | `conditional` | answers that a client has already |
//! | `connections` | how many connections there are, and for how long without a request |
//! | `stalled` | connections whose other end takes nothing any more |
//! | `deadline` | how long an answer may take |
//! | `metrics` | what is counted |
//!
//! The server knows no database and no sandbox; it has a [`Platform`](macadam_platform::Platform) and calls it.

mod api;
mod bodies;
mod compress;
mod conditional;
mod connections;
mod cross_origin;
mod deadline;
mod document;
mod extract;
mod fields;
mod idempotency;
mod metrics;
mod objects;
mod observe;
mod operations;
mod origin;
pub mod people;
pub mod problem;
mod rate_limits;
mod refusals;
mod serve;
pub mod sign_in;
mod stalled;
mod state;
mod wording;

#[cfg(test)]
mod tests;

pub use cross_origin::{AllowedOrigin, OriginError};
pub use document::document;
pub use origin::TrustedProxies;
pub use rate_limits::{RateLimit, RateLimitSettings};
pub use serve::{router, serve};
pub use state::ServerState;
