//! Tokens, good and bad, judged; by keys that an issuer serves over HTTP on this machine.

mod attacks;
mod claims;
mod issuer;
mod renewal;
mod rfc7515;
mod services;
