//! `cargo xtask lint`: formatting, lints and documentation, of the host and of the guests; and `deploy/`.

use anyhow::Result;

use crate::deploy;
use crate::shell::{cargo, root, run};

/// Checks everything that needs no test to be run.
pub(crate) fn lint() -> Result<()> {
    for (what, folder) in [("host", root()?), ("guests", root()?.join("guests"))] {
        run(&format!("formatting of the {what}"), cargo()?.current_dir(&folder).args(["fmt", "--all", "--check"]))?;
        let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        run(&format!("lints of the {what}"), cargo()?.current_dir(&folder).args(clippy))?;
        let mut doc = cargo()?;
        doc.current_dir(&folder).args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        run(&format!("documentation of the {what}"), &mut doc)?;
    }
    deploy::check()
}
