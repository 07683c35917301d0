//! The audit log, as people and machines get to see it. Use cases write their entries themselves, in the transaction of
//! what they change; here the log is read, its heads are signed, and both are put where an intruder does not reach.

mod export;
mod heads;
mod read;
mod readers;

use macadam_core::audit::HeadsSigner;
use tokio::sync::OnceCell;

pub use export::{ExportError, Exports};
use readers::Readers;

/// What reading and signing share.
#[derive(Default)]
pub(crate) struct Desk {
    /// The key, once it was needed.
    signer: OnceCell<HeadsSigner>,
    readers: Readers,
}
