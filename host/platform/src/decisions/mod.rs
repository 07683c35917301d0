//! The decision log: what plugins were asked about requests, what they said, and what another version would have said.
//!
//! | module | what it holds |
//! |---|---|
//! | `entry` | one call as it is recorded |
//! | `recorder` | the writer in the background: requests wait for it only when it is far behind |
//! | `read` | looking at what was recorded, with care for what belongs to others |
//! | `short` | an answer in a few words, for groups and differences |
//! | `replay` | asking a candidate what was asked before, and comparing |
//!
//! A preview is a question and not a decision, so it is not recorded. Inputs hold handles where secrets would be, so no
//! secret gets here.

mod entry;
mod read;
mod recorder;
mod replay;
mod short;

pub(crate) use entry::{Asked, Entry, PlanQuestion, Said, Shadowing, Trail, said};
pub use read::DecisionDetail;
pub use recorder::{DecisionRetention, Recorder};
pub use replay::{Candidacy, Fuel, Group, Replay, ReplayError, ReplayReport};
use short::in_short;
