//! Scaffolding: a project from a golden path.
//!
//! ```text
//! parameters ─▶ checked against the template's schema ─▶ generated in the sandbox ─▶ paths checked
//!     ─▶ archive (the same bytes every time) ─▶ estimate and policies ─▶ handed out | waits for approval | denied
//! ```
//!
//! Generating comes before deciding, since it has no effect: what waits for approval is the very archive that is handed
//! out afterwards, by its digest.

mod archive;
mod create;
mod read;

pub use archive::{ArchiveError, archive};
pub use create::{CreateScaffold, Scaffolded};
pub use read::{ScaffoldView, TemplateView};
