//! The audit log as a matter of proof: what an entry is, how it is bound to those before it, and how a reader who trusts
//! nobody finds what was done to it.
//!
//! Entries are in *streams*, one for each team and one for the platform, and each stream is a chain: an entry's hash is
//! over all its fields and the hash of the entry before it in its stream. All entries are numbered in one order as well,
//! and the number is among the fields, so the order between streams holds too. A chain cannot show that its end was cut
//! off, or that somebody wrote it anew from some place on: for that, [`Heads`] are signed and kept elsewhere.
//!
//! | | |
//! |---|---|
//! | [`Entry`], [`Stream`], [`Origin`] | what is recorded |
//! | [`Verifier`], [`Finding`] | what is found when entries are gone through, in constant memory |
//! | [`Heads`], [`SignedHeads`], [`HeadsKey`] | where chains ended at a moment, and whose word that is |
//! | [`Line`] | the lines of an export |

mod entry;
mod export;
mod finding;
mod heads;
mod origin;
mod stream;
mod verify;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use entry::{CHAIN_VERSION, Entry, Recorded};
pub use export::{EXPORT_VERSION, Line, LineError, Opening};
pub use finding::{Finding, Wrong};
pub use heads::{Head, Heads, HeadsKey, HeadsSigner, KeyError, SignatureError, SignedHeads};
pub use origin::{Credential, HeldKey, Origin};
pub use stream::{Stream, StreamError};
pub use verify::{Ended, Later, Verifier};
