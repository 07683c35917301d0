//! Blobs: packages and the archives of projects, kept by digest, and taken away when nothing names them any more.
//!
//! A blob is always put before the row that names it is written, so what no row names is either rubbish or about to be
//! named. Age tells the two apart (`sweep`): whoever puts a blob writes its row within seconds.

mod archives;
mod sweep;

pub use archives::{TakeOverError, take_over_archives};
pub use sweep::{ENDED_GRACE, SWEEP_GRACE, SweepError, Swept, named};
