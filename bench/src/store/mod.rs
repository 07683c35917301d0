//! The store on both databases: what a durable request costs beside a commit of the database alone, and whether lists
//! stay as fast when there is a hundred times as much.
//!
//! | module | what it holds |
//! |---|---|
//! | [`place`] | a database: opened as the store's, and as it is |
//! | [`commits`] | requests for resources, and single rows |
//! | [`fill`] | a thousand resources, and a hundred thousand |
//! | [`lists`] | the lists over both |

mod commits;
mod fill;
mod lists;
mod place;

use crate::Effort;
use crate::figures::{Report, say};
use place::Kind;

/// Measures the group.
pub(crate) fn measure(effort: Effort, report: &mut Report) -> anyhow::Result<()> {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        say(&format!("  {} …", kind.word()));
        commits::measure(kind, effort, report)?;
        lists::measure(kind, effort, report)?;
    }
    Ok(())
}
